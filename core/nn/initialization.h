// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/nn/model_config.h"
#include "core/nn/parameters.h"

namespace bertyard {

// Fills host memory bound to `parameters` as Google's or Hugging Face's BERT does: weights and
// embeddings from a normal of standard deviation init_range, biases 0, LayerNorm 1 and 0. An
// ELMo's: matrices uniform in +-1 / sqrt(n), n the cells of an LSTM or the inputs of another layer,
// word vectors, which are the softmax's too, from a normal of deviation 1 / sqrt(hidden), biases 0,
// of forget gates 1, its mix of layers even. Draws are keyed by (seed, tensor name, element), so
// they depend on nothing else; `threads` share the work.
void initialize(ParameterStore& parameters, const ModelConfig& config, std::uint64_t seed,
                int threads = 1);

}  // namespace bertyard
