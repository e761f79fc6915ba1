// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/linear.h"
#include "core/nn/task_head.h"

namespace bertyard {

// Where an answer starts and ends in its sequence: logits [T, 2] = W x + b, without dropout.
class SpanHead final : public TaskHead {
 public:
  // `width` is x's.
  SpanHead(std::int64_t width, const HeadConfig& head, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  std::int64_t rows(const PackedInput& input) const override { return input.sequences(); }
  TensorView compute_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const override;
  TensorView logits(const PackedInput& input, const Arena& arena) const override;
  void losses(const Pass& pass, const Arena& arena, const RowResults& results,
              const TaskWeights& weights) const override;
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const override;

 private:
  std::int64_t width_;
  Linear outputs_;
  ArenaSlot input_, logits_;
};

}  // namespace bertyard
