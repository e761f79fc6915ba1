// SPDX-License-Identifier: Apache-2.0
#include "train/step_flops.h"

namespace bertyard {

double step_flops(const ModelConfig& model, const StepWork& work) {
  const auto h = static_cast<double>(model.hidden);
  const double linear = 2 * (4 * h * h + 2 * h * static_cast<double>(model.intermediate));
  const double keys = work.keys_per_token * (model.is_causal() ? 0.5 : 1);
  const double attention = 4 * keys * h;
  const double head = 2 * (h * h + h * static_cast<double>(model.vocab_size));
  return 3 * (static_cast<double>(model.layers) * work.tokens * (linear + attention) +
              work.masked * head);
}

}  // namespace bertyard
