// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/tensor/dtype.h"

namespace bertyard {

// Largest sizes a run will ask for, so that scratch memory is taken once, before the first step.
struct WorkspaceLimits {
  std::int64_t tokens = 0, masked = 0, sequences = 0, max_length = 0;
  std::int64_t hidden = 0, heads = 0, intermediate = 0, vocab_size = 0;
  // Elements of the weights of all linear layers. Above zero a device may keep copies of weights in
  // a layout and type of its own, and trusts weights_changed() to be called.
  std::int64_t weights = 0;
  // Elements of the buffer that bind_parameters() will name; 0: none.
  std::int64_t parameters = 0;
  DType activations = DType::f32;
};

}  // namespace bertyard
