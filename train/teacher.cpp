// SPDX-License-Identifier: Apache-2.0
#include "train/teacher.h"

#include <array>
#include <span>

#include "core/backend/layer_ops.h"

namespace bertyard {

Teacher::Teacher(const ModelConfig& student, const TeacherSetting& setting,
                 ParameterStore& student_parameters)
    : setting_(setting), layers_(student, setting, student_parameters) {}

void Teacher::plan(ArenaPlan& plan, const Capacities& capacities, std::int64_t rows) {
  values_ = plan.add(DType::f32, {parameters_.flat_elements()});
  scales_ = plan.add(DType::f32, {2});
  for (ArenaSlot& slot : row_losses_) slot = plan.add(DType::f32, {rows});
  layers_.plan(plan, capacities);
}

void Teacher::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  ops_ = make_distillation_ops(device);
  parameters_.bind(arena.view(values_), {});
  layers_.bind(arena, device, *ops_);
}

void Teacher::begin(std::int64_t labels, std::int64_t tokens) {
  const auto over = [labels](double weight) {
    return labels > 0 ? static_cast<float>(weight / static_cast<double>(labels)) : 0.0f;
  };
  const std::array<float, 2> scales{over(options().hard), over(options().soft)};
  device_->copy(arena_->view(scales_), view_of(std::span<const float>(scales)),
                CopyDirection::host_to_device, device_->compute_stream());
  layers_.begin(tokens);
}

Pass Teacher::own_pass(const Pass& pass) const {
  return {pass.ops, parameters_, pass.input, Mode::evaluation, 0, pass.losses};
}

TensorView Teacher::run_teacher(const Pass& own, const Encoder& encoder) {
  return layers_.run_teacher(own, encoder);
}

Teacher::StudentHidden Teacher::run_student(const Pass& pass, const Encoder& encoder) {
  const TensorView hidden = layers_.run_student(pass, encoder);
  const TensorView dhidden = encoder.output_gradient(*arena_, pass.input.tokens());
  device_->set_zero(dhidden, device_->compute_stream());
  return {hidden, dhidden};
}

void Teacher::run_backward(const Pass& pass, const Encoder& student, TensorView dhidden,
                           const Sums& sums, std::int64_t heads_end, const GradientsReady& ready) {
  const TensorView layer_sums = sums.taught.slice(1, LayerDistillation::kTerms);
  layers_.add_errors(pass, dhidden, layer_sums);
  if (ready) ready(heads_end);
  layers_.backward(pass, student, layer_sums, ready);
}

DistillationOps::Losses Teacher::row_losses(std::int64_t rows) const {
  const auto losses = [&](int i) { return arena_->view(row_losses_[i]).slice(0, rows); };
  return {.hard = losses(0), .soft = losses(1), .correct = losses(2)};
}

void Teacher::add_losses(const Pass& pass, const DistillationOps::Losses& losses,
                         const Sums& sums) {
  pass.ops.add_sum(sums.hard, losses.hard);
  pass.ops.add_sum(sums.taught.slice(0, 1), losses.soft);
}

}  // namespace bertyard
