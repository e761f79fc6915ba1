// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/device.h"

namespace bertyard {

// The rate of the device's own matrix product at a size that suits it, 1024 x 768 x 768 on a CPU
// and 8192 cubed on a GPU, in the type of the activations. A GPU's workspace is reserved anew for
// it. It is the ceiling that a training step is held against. The best of many repetitions, since
// other work on the machine can only slow them down. Floating-point operations a second.
double measure_matrix_peak(Device& device, DType activations);

}  // namespace bertyard
