// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/linear.h"
#include "core/nn/model_config.h"
#include "core/nn/norm.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Where a head writes what became of each of its rows: f32 [R] each.
struct RowResults {
  TensorView loss;
  TensorView correct;
};

// Masked-language-model head on the masked rows alone:
//   n = LayerNorm(gelu(Wt x[rows] + bt));  logits = n E^T + bias, E the word embedding (tied).
class MlmHead {
 public:
  MlmHead(const ModelConfig& config, ParameterStore& parameters);
  // The tied table is registered by the encoder, after the heads.
  void tie(ParameterId word_embedding) { decoder_ = Linear(fused(word_embedding), bias_); }

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Losses of the masked rows of `x` [T, H] under their labels. In training the logits become
  // their gradient times `scale` (f32 [1]).
  void forward(const Pass& pass, const Arena& arena, const RowResults& results, ConstTensorView x,
               ConstTensorView scale) const;
  // Only the logits, for a loss of one's own that leaves its gradient in their place.
  void forward_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const;
  // dx [T, H] += gradient of the rows.
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const;
  // The logits [M, V] of the last forward in evaluation mode, or of forward_logits.
  TensorView logits(const Arena& arena, std::int64_t masked) const;

 private:
  struct Views;
  Views views(const Arena& arena, std::int64_t masked) const;
  FusedParameter fused(ParameterId word_embedding) const {
    return {word_embedding, {vocab_size_, hidden_}};
  }

  std::int64_t hidden_, vocab_size_;
  Activation activation_;
  FusedParameter bias_;
  Norm norm_;
  Linear transform_;
  Linear decoder_;
  ArenaSlot gathered_, pre_, transformed_, normed_, logits_;
  NormSlots saved_;
};

}  // namespace bertyard
