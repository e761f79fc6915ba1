// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/device.h"
#include "core/nn/encoder.h"
#include "core/nn/mlm_head.h"
#include "core/nn/model_config.h"
#include "core/nn/next_sentence_head.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Whether a model is trained on sentence pairs beside masked tokens.
enum class SentenceObjective { next_sentence, none };

// Sums over micro-batches, kept on the device: f64 [1] each.
struct PretrainingSums {
  TensorView mlm_loss, mlm_correct, sentence_loss, sentence_correct;
};

// What a gradient is multiplied by, f32 [1] each on the device: 1 / masked tokens and 1 / samples
// of the global batch (design, 4.1), times the loss scale.
struct PretrainingScales {
  ConstTensorView mlm, sentence;
};

// BertForPreTraining: encoder, MLM head with the tied decoder, pooler and next-sentence head.
// Registers its parameters in backward order and plans its activations; owns no memory.
class PretrainingModel {
 public:
  PretrainingModel(const ModelConfig& config, SentenceObjective sentences,
                   ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Adds the micro-batch's losses and correct predictions to `sums`.
  void forward(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
               const PretrainingScales& scales) const;
  // After a forward in training mode; gradients are added to the bound buffer.
  void backward(const Pass& pass, const Arena& arena, Device& device,
                const GradientsReady& ready) const;

  const Encoder& encoder() const { return encoder_; }
  std::int64_t heads_end() const { return heads_end_; }
  const MlmHead& mlm() const { return mlm_; }
  const NextSentenceHead& next_sentence() const { return sentence_; }

 private:
  RowResults results(const Arena& arena, std::int64_t rows) const;
  bool with_sentences(const Pass& pass) const;

  SentenceObjective sentences_;
  NextSentenceHead sentence_;
  MlmHead mlm_;
  std::int64_t heads_end_;  // flat offset where the heads' gradients end
  Encoder encoder_;
  ArenaSlot row_loss_, row_correct_;
};

}  // namespace bertyard
