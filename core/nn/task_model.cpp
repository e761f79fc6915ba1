// SPDX-License-Identifier: Apache-2.0
#include "core/nn/task_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/pooled_head.h"
#include "core/nn/sequence_head.h"
#include "core/nn/span_head.h"
#include "core/nn/token_head.h"

namespace bertyard {

namespace {

using Body = std::variant<Encoder, ElmoTaskBody>;

Body make_body(const ModelConfig& config, ParameterStore& parameters) {
  if (config.is_elmo()) return Body(std::in_place_type<ElmoTaskBody>, config, parameters);
  return Body(std::in_place_type<Encoder>, config, parameters);
}

// Channels of what a head sees of a token.
std::int64_t width_of(const ModelConfig& config) {
  return config.is_elmo() ? ElmoTaskBody::width(config) : config.hidden;
}

}  // namespace

std::unique_ptr<TaskHead> make_task_head(const ModelConfig& config, const HeadConfig& head,
                                         ParameterStore& parameters) {
  BERTYARD_CHECK(head.labels >= 1,
                 fmt::format("task head: {} labels, expected at least one", head.labels));
  switch (head.kind) {
    case HeadKind::tag:
      return std::make_unique<TokenHead>(config, width_of(config), head, parameters);
    case HeadKind::span:
      return std::make_unique<SpanHead>(width_of(config), head, parameters);
    case HeadKind::classify:
    case HeadKind::regress:
      break;
  }
  if (config.is_elmo()) {
    return std::make_unique<PooledHead>(config, width_of(config), head, parameters);
  }
  return std::make_unique<SequenceHead>(config, head, parameters);
}

TaskModel::TaskModel(const ModelConfig& config, const HeadConfig& head, ParameterStore& parameters)
    : config_(head),
      head_(make_task_head(config, head, parameters)),
      head_end_(parameters.flat_elements()),
      body_(make_body(config, parameters)) {}

void TaskModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  std::visit([&](auto& body) { body.plan(plan, capacities, mode); }, body_);
  head_->plan(plan, capacities, mode);
  const std::int64_t rows = std::max(capacities.masked, capacities.sequences);
  row_loss_ = plan.add(DType::f32, {rows});
  row_correct_ = plan.add(DType::f32, {rows});
}

TensorView TaskModel::compute_logits(const Pass& pass, const Arena& arena) const {
  const TensorView x =
      std::visit([&](const auto& body) { return body.forward(pass, arena); }, body_);
  return head_->compute_logits(pass, arena, x);
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
  const std::int64_t tokens = pass.input.tokens();
  const TensorView dhidden =
      std::visit([&](const auto& body) { return body.output_gradient(arena, tokens); }, body_);
  device.set_zero(dhidden, device.compute_stream());
  const TensorView gathered = head_->gathered_gradient(pass.input, arena);
  if (gathered.present()) device.set_zero(gathered, device.compute_stream());
  head_->backward(pass, arena, dhidden);
  if (ready) ready(head_end_);
  std::visit([&](const auto& body) { body.backward(pass, arena, ready); }, body_);
}

}  // namespace bertyard
