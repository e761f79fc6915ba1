// SPDX-License-Identifier: Apache-2.0
#include "core/nn/workspace.h"

namespace bertyard {

WorkspaceLimits workspace_limits(const ModelConfig& config, const Capacities& capacities) {
  return {.tokens = capacities.tokens,
          .masked = capacities.masked,
          .sequences = capacities.sequences,
          .max_length = capacities.max_length,
          .hidden = config.hidden,
          .heads = config.heads,
          .intermediate = config.intermediate,
          .vocab_size = config.vocab_size,
          .activations = capacities.activations};
}

}  // namespace bertyard
