// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "core/nn/elmo_model.h"
#include "core/nn/pretraining_model.h"

namespace bertyard {

// A model with what it is pre-trained with: BERT or GPT, or an ELMo. Both have the same plan(),
// forward() and backward().
using TrainedModel = std::variant<PretrainingModel, ElmoModel>;

// Registers the parameters of what `config` describes. An ELMo has no sentence pairs.
inline TrainedModel make_trained_model(const ModelConfig& config, SentenceObjective sentences,
                                       ParameterStore& parameters) {
  if (config.is_elmo()) return TrainedModel(std::in_place_type<ElmoModel>, config, parameters);
  return TrainedModel(std::in_place_type<PretrainingModel>, config, sentences, parameters);
}

}  // namespace bertyard
