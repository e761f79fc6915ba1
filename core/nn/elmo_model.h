// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/device.h"
#include "core/nn/elmo_layers.h"
#include "core/nn/pretraining_model.h"

namespace bertyard {

// ELMo's bidirectional language model (Peters et al. 2018) over word pieces, trained: ElmoLayers
// and a softmax that both directions share and whose matrix is the word vectors'. Predictions are
// PackedInput::masked_rows and masked_labels, a row being 2 t for what reads forward up to token t
// and 2 t + 1 for what reads backward down to it. Owns parameter ids and places, no memory.
class ElmoModel {
 public:
  // Registers "elmo.softmax.bias" [V], then the layers.
  ElmoModel(const ModelConfig& config, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Adds the losses and correct predictions of both directions to sums.mlm_*; in training the
  // softmax goes backward here too, PretrainingModel::kLogitRows rows at a time.
  void forward(const Pass& pass, const Arena& arena, Device& device, const PretrainingSums& sums,
               const PretrainingScales& scales) const;
  // After a forward in training mode; gradients are added to the bound buffer.
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const;

 private:
  void predict(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
               ConstTensorView scale) const;

  ModelConfig config_;
  ParameterId bias_;
  std::int64_t bias_end_;  // flat offset
  ElmoLayers layers_;
  ArenaSlot gathered_, logits_, row_loss_, row_correct_;
};

}  // namespace bertyard
