// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <variant>

#include "core/backend/device.h"
#include "core/nn/elmo_task_body.h"
#include "core/nn/encoder.h"
#include "core/nn/task_head.h"

namespace bertyard {

// Sums over micro-batches, kept on the device: f64 [1] each.
struct TaskSums {
  TensorView loss, correct;
};

// Encoder, or what an ELMo has in its place, and the head of a downstream task. Registers its
// parameters in backward order and plans its activations; owns no memory.
class TaskModel {
 public:
  TaskModel(const ModelConfig& config, const HeadConfig& head, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Encoder and logits; the loss is still to come.
  TensorView compute_logits(const Pass& pass, const Arena& arena) const;
  // Adds the micro-batch's losses and correct predictions to `sums`.
  void losses(const Pass& pass, const Arena& arena, const TaskSums& sums,
              const TaskWeights& weights) const;
  // With the gradient in place of the logits; gradients are added to the bound buffer.
  void backward(const Pass& pass, const Arena& arena, Device& device,
                const GradientsReady& ready) const;

  const HeadConfig& head_config() const { return config_; }
  const TaskHead& head() const { return *head_; }
  const Encoder& encoder() const { return std::get<Encoder>(body_); }  // not of an ELMo
  std::int64_t head_end() const { return head_end_; }

 private:
  HeadConfig config_;
  std::unique_ptr<TaskHead> head_;
  std::int64_t head_end_;  // flat offset where the head's gradients end
  std::variant<Encoder, ElmoTaskBody> body_;
  ArenaSlot row_loss_, row_correct_;
};

}  // namespace bertyard
