// SPDX-License-Identifier: Apache-2.0
#include "train/token_task.h"

namespace bertyard {

TokenTargets token_targets(const ModelConfig& model) {
  if (model.is_elmo()) return TokenTargets::neighbours;
  return model.is_causal() ? TokenTargets::next : TokenTargets::masked;
}

std::string_view token_task(const ModelConfig& model) {
  return model.is_language_model() ? "lm" : "mlm";
}

std::string_view token_task_title(std::string_view task) {
  return task == "lm" ? "LM" : "MLM";
}

}  // namespace bertyard
