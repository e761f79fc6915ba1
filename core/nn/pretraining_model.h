// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/backend/device.h"
#include "core/nn/encoder.h"
#include "core/nn/mlm_head.h"
#include "core/nn/model_config.h"
#include "core/nn/next_sentence_head.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Whether a model is trained on sentence pairs beside masked tokens. A causal one never is.
enum class SentenceObjective { next_sentence, none };

// Sums over micro-batches, kept on the device: f64 [1] each. Of a causal model "mlm" are the next
// tokens, which stand where the masked ones do.
struct PretrainingSums {
  TensorView mlm_loss, mlm_correct, sentence_loss, sentence_correct;
};

// What a gradient is multiplied by, f32 [1] each on the device: 1 / masked tokens and 1 / samples
// of the global batch (design, 4.1), times the loss scale.
struct PretrainingScales {
  ConstTensorView mlm, sentence;
};

// BertForPreTraining: encoder, MLM head with the tied decoder, pooler and next-sentence head; or,
// where the config is causal, BertLMHeadModel: encoder and token head. Registers its parameters in
// backward order and plans its activations; owns no memory.
class PretrainingModel {
 public:
  // Rows of logits that a causal model has in memory at once: it predicts at every token, and the
  // logits of a whole micro-batch would be larger than all that its encoder saves.
  static constexpr std::int64_t kLogitRows = 1024;

  PretrainingModel(const ModelConfig& config, SentenceObjective sentences,
                   ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Adds the micro-batch's losses and correct predictions to `sums`. In training a causal model's
  // head goes backward here too.
  void forward(const Pass& pass, const Arena& arena, Device& device, const PretrainingSums& sums,
               const PretrainingScales& scales) const;
  // After a forward in training mode; gradients are added to the bound buffer.
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const;

  const Encoder& encoder() const { return encoder_; }
  std::int64_t heads_end() const { return heads_end_; }
  const MlmHead& mlm() const { return mlm_; }
  const NextSentenceHead& next_sentence() const { return *sentence_; }  // not of a causal model

 private:
  RowResults results(const Arena& arena, std::int64_t rows) const;
  bool with_sentences(const Pass& pass) const;
  void predict_masked(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
                      const PretrainingScales& scales, ConstTensorView hidden) const;
  void predict_next(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
                    const PretrainingScales& scales, ConstTensorView hidden) const;

  bool is_causal_;
  SentenceObjective sentences_;
  std::optional<NextSentenceHead> sentence_;
  MlmHead mlm_;
  std::int64_t heads_end_;  // flat offset where the heads' gradients end
  Encoder encoder_;
  ArenaSlot row_loss_, row_correct_;
};

}  // namespace bertyard
