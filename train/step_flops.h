// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/nn/model_config.h"

namespace bertyard {

// What one training step works on.
struct StepWork {
  double tokens = 0;
  double masked = 0;
  double keys_per_token = 0;  // sum of squared lengths / sum of lengths
};

// Multiplications and additions of the matrix products of one training step, 3 x forward: layers,
// attention over the tokens of the own sequence (half of them where it is causal), and the token
// head on predicted tokens alone. Pooler and next-sentence head are left out: below a thousandth.
// Of an ELMo: gates and projections of all LSTMs, and the softmax.
double step_flops(const ModelConfig& model, const StepWork& work);

}  // namespace bertyard
