// SPDX-License-Identifier: Apache-2.0
#include "core/nn/task_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/sequence_head.h"
#include "core/nn/span_head.h"
#include "core/nn/token_head.h"

namespace bertyard {

std::unique_ptr<TaskHead> make_task_head(const ModelConfig& config, const HeadConfig& head,
                                         ParameterStore& parameters) {
  BERTYARD_CHECK(head.labels >= 1,
                 fmt::format("task head: {} labels, expected at least one", head.labels));
  switch (head.kind) {
    case HeadKind::tag:
      return std::make_unique<TokenHead>(config, head, parameters);
    case HeadKind::span:
      return std::make_unique<SpanHead>(config, head, parameters);
    case HeadKind::classify:
    case HeadKind::regress:
      break;
  }
  return std::make_unique<SequenceHead>(config, head, parameters);
}

TaskModel::TaskModel(const ModelConfig& config, const HeadConfig& head, ParameterStore& parameters)
    : config_(head),
      head_(make_task_head(config, head, parameters)),
      head_end_(parameters.flat_elements()),
      encoder_(config, parameters) {}

void TaskModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  encoder_.plan(plan, capacities, mode);
  head_->plan(plan, capacities, mode);
  const std::int64_t rows = std::max(capacities.masked, capacities.sequences);
  row_loss_ = plan.add(DType::f32, {rows});
  row_correct_ = plan.add(DType::f32, {rows});
}

TensorView TaskModel::compute_logits(const Pass& pass, const Arena& arena) const {
  return head_->compute_logits(pass, arena, encoder_.forward(pass, arena));
}

void TaskModel::losses(const Pass& pass, const Arena& arena, const TaskSums& sums,
                       const TaskWeights& weights) const {
  const std::int64_t rows = head_->rows(pass.input);
  if (rows == 0) return;
  const RowResults results{arena.view(row_loss_).slice(0, rows),
                           arena.view(row_correct_).slice(0, rows)};
  head_->losses(pass, arena, results, weights);
  pass.ops.add_sum(sums.loss, results.loss);
  const bool decides = config_.kind != HeadKind::regress && config_.decision == TagDecision::alone;
  if (decides) pass.ops.add_sum(sums.correct, results.correct);
}

void TaskModel::backward(const Pass& pass, const Arena& arena, Device& device,
                         const GradientsReady& ready) const {
  const TensorView dhidden = encoder_.output_gradient(arena, pass.input.tokens());
  device.set_zero(dhidden, device.compute_stream());
  head_->backward(pass, arena, dhidden);
  if (ready) ready(head_end_);
  encoder_.backward(pass, arena, ready);
}

}  // namespace bertyard
