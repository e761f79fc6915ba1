// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "launch/config/run_config.h"

namespace bertyard {

// Whether parallel.backend says a GPU, there or not; `auto` is one where the build has the backend
// and the machine a device. Distillation computes on the CPU.
bool takes_gpu(const RunConfig& config);

// Where parallel.backend is cuda and no GPU is here, cluster.device_memory: the bytes to plan for;
// else 0.
std::size_t planned_gpu(const RunConfig& config);

}  // namespace bertyard
