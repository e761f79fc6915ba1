// SPDX-License-Identifier: Apache-2.0
#include "train/step_flops.h"

namespace bertyard {

double step_flops(const ModelConfig& model, const StepWork& work) {
  const auto h = static_cast<double>(model.hidden);
  if (model.is_elmo()) {
    const auto cells = static_cast<double>(model.intermediate);
    const double projection = model.intermediate == model.hidden ? 0 : cells * h;
    const double both_ways = 2 * 2 * (4 * cells * 2 * h + projection);
    return 3 * (static_cast<double>(model.layers) * work.tokens * both_ways +
                work.masked * 2 * h * static_cast<double>(model.vocab_size));
  }
  const double linear = 2 * (4 * h * h + 2 * h * static_cast<double>(model.intermediate));
  const double keys = work.keys_per_token * (model.is_causal() ? 0.5 : 1);
  const double attention = 4 * keys * h;
  const double head = 2 * (h * h + h * static_cast<double>(model.vocab_size));
  return 3 * (static_cast<double>(model.layers) * work.tokens * (linear + attention) +
              work.masked * head);
}

}  // namespace bertyard
