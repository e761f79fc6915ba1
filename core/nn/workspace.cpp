// SPDX-License-Identifier: Apache-2.0
#include "core/nn/workspace.h"

namespace bertyard {

WorkspaceLimits workspace_limits(const ModelConfig& config, const Capacities& capacities) {
  // Layers of an ELMo are as wide as both directions, and none attends.
  const bool is_elmo = config.is_elmo();
  return {.tokens = capacities.tokens,
          .masked = capacities.masked,
          .sequences = capacities.sequences,
          .max_length = capacities.max_length,
          .hidden = is_elmo ? 2 * config.hidden : config.hidden,
          .heads = is_elmo ? 0 : config.heads,
          .intermediate = config.intermediate,
          .vocab_size = config.vocab_size,
          .activations = capacities.activations};
}

// The LSTMs of a task have `hidden` cells, which is no more than an ELMo's own have.
RecurrentLimits recurrent_limits(const ModelConfig& config, const Capacities& capacities,
                                 const HeadConfig& head) {
  if (!config.is_elmo() && head.reader == TagReader::none) return {};
  return {.tokens = capacities.tokens,
          .sequences = capacities.sequences,
          .cells = config.is_elmo() ? config.intermediate : config.hidden,
          .outputs = config.hidden};
}

}  // namespace bertyard
