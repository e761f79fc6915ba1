// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "launch/run_config.h"

namespace bertyard {

// A rank among those of its host: they share its cores, and each takes one of its GPUs.
struct HostPlace {
  int local_rank = 0;
  int local_size = 1;
};

// What parallel.backend says; `auto` is a GPU where the build and the machine have one, else the
// CPU. Throws EnvironmentError where there is no such device.
std::unique_ptr<Device> make_run_device(const RunConfig& config, const HostPlace& place);

}  // namespace bertyard
