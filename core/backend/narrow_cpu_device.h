// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"

namespace bertyard {

// A CPU that rounds f32 activations and weights to bf16 where it multiplies them: sums, biases and
// everything else are f32 as ever, products several times as fast. For reading models, not for
// training. Throws EnvironmentError where the processor or the matrix library lacks the
// instructions.
std::unique_ptr<Device> make_narrow_cpu_device(const CpuOptions& options);

}  // namespace bertyard
