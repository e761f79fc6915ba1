// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/nn/model_config.h"
#include "data/samples/next_tokens.h"

namespace bertyard {

// What of its samples a model is trained on.
TokenTargets token_targets(const ModelConfig& model);

// What "mlm" is called in files, and for people: "lm" and "LM" of a causal model or an ELMo.
std::string_view token_task(const ModelConfig& model);
std::string_view token_task_title(std::string_view task);

}  // namespace bertyard
