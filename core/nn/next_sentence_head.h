// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/linear.h"
#include "core/nn/mlm_head.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Pooler and next-sentence classifier on the first token of each sequence:
//   pooled = tanh(Wp x[CLS] + bp);  logits = Wn pooled + bn, class 0: B follows A, 1: random.
class NextSentenceHead {
 public:
  NextSentenceHead(const ModelConfig& config, ParameterStore& parameters, WeightDecay decay);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Results f32 [N]. In training the logits become their gradient times `scale` (f32 [1]).
  void forward(const Pass& pass, const Arena& arena, const RowResults& results, ConstTensorView x,
               ConstTensorView scale) const;
  // dx [T, H] += gradient of the first tokens.
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const;
  TensorView pooled(const Arena& arena, std::int64_t sequences) const;
  // The logits [N, 2] of the last forward in evaluation mode.
  TensorView logits(const Arena& arena, std::int64_t sequences) const;

 private:
  std::int64_t hidden_;
  Linear classifier_;
  Linear pooler_;
  ArenaSlot first_, pre_, pooled_, logits_;
};

}  // namespace bertyard
