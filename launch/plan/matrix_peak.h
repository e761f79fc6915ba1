// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/device.h"

namespace bertyard {

// The best rate of products [rows, size] x [size, size], floating-point operations a second.
struct MatrixPeak {
  double flops = 0;
  std::int64_t rows = 0, size = 0;
};

// The rate of the device's own matrix product at a size that suits it, in the type of the
// activations: 1024 x 768 x 768 on a CPU, up to 8192 cubed on a GPU. A GPU's workspace is reserved
// anew for it. It is the ceiling that a training step is held against. The best of many
// repetitions, since other work on the machine can only slow them down.
MatrixPeak measure_matrix_peak(Device& device, DType activations);

}  // namespace bertyard
