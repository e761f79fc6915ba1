// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/nn/linear.h"
#include "core/nn/task_head.h"

namespace bertyard {

// A class or a number for each sequence. From its first token, as BERT does:
//   pooled = tanh(Wp x[CLS] + bp);  logits = Wc dropout(pooled) + bc
// or, where the model is causal, from its last, which alone has seen all of it (Radford et al.
// 2018, 3.2):
//   logits = Wc dropout(x[SEP]) + bc
class SequenceHead final : public TaskHead {
 public:
  SequenceHead(const ModelConfig& config, const HeadConfig& head, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  std::int64_t rows(const PackedInput& input) const override { return input.sequences(); }
  TensorView compute_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const override;
  TensorView logits(const PackedInput& input, const Arena& arena) const override;
  void losses(const Pass& pass, const Arena& arena, const RowResults& results,
              const TaskWeights& weights) const override;
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const override;

 private:
  Dropout dropout(const Pass& pass) const;
  // The row of each sequence that is looked at.   i32 [N]
  ConstTensorView token_rows(const PackedInput& input) const {
    return pooler_ ? input.first_rows() : input.last_rows;
  }

  HeadConfig head_;
  std::int64_t hidden_, layers_;
  double dropout_;
  Linear classifier_;
  std::optional<Linear> pooler_;
  ArenaSlot token_, pre_, pooled_, dropped_, logits_;
};

}  // namespace bertyard
