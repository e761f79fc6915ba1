// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/linear.h"
#include "core/nn/task_head.h"

namespace bertyard {

// A class or a number for each sequence, from all its tokens weighed by attention, as on a
// BiLSTM's outputs x (Lin et al. 2017, one hop):
//   a = softmax over the sequence of c . tanh(Wa x + ba);  pooled = sum of a_t x_t;
//   logits = Wc dropout(pooled) + bc
// Needs Pass::recurrent.
class PooledHead final : public TaskHead {
 public:
  // `width` is x's. Registers "classifier" and "elmo_task.pool.context" [1, width],
  // "elmo_task.pool.dense".
  PooledHead(const ModelConfig& config, std::int64_t width, const HeadConfig& head,
             ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  std::int64_t rows(const PackedInput& input) const override { return input.sequences(); }
  TensorView compute_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const override;
  TensorView logits(const PackedInput& input, const Arena& arena) const override;
  void losses(const Pass& pass, const Arena& arena, const RowResults& results,
              const TaskWeights& weights) const override;
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const override;

 private:
  Dropout dropout(const Pass& pass) const;

  HeadConfig head_;
  std::int64_t width_, layers_;
  double dropout_;
  Linear classifier_;
  ParameterId context_;
  Linear dense_;
  ArenaSlot input_, hidden_pre_, hidden_, scores_, shares_, pooled_, dropped_, logits_;
};

}  // namespace bertyard
