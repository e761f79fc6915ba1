// SPDX-License-Identifier: Apache-2.0
#include "train/mlm_teacher.h"

#include <array>
#include <span>

#include "core/backend/layer_ops.h"

namespace bertyard {

MlmTeacher::MlmTeacher(const ModelConfig& student, const TeacherSetting& setting,
                       ParameterStore& student_parameters)
    : setting_(setting),
      model_(setting.model, SentenceObjective::none, parameters_),
      layers_(student, setting, student_parameters) {}

void MlmTeacher::plan(ArenaPlan& plan, const Capacities& capacities) {
  values_ = plan.add(DType::f32, {parameters_.flat_elements()});
  scales_ = plan.add(DType::f32, {2});
  for (ArenaSlot& slot : row_losses_) slot = plan.add(DType::f32, {capacities.masked});
  model_.plan(plan, capacities, Mode::evaluation);
  layers_.plan(plan, capacities);
}

void MlmTeacher::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  ops_ = make_distillation_ops(device);
  parameters_.bind(arena.view(values_), {});
  layers_.bind(arena, device, *ops_);
}

void MlmTeacher::begin(const StepCounts& counts) {
  const auto over = [&](double weight) {
    return counts.masked > 0 ? static_cast<float>(weight / static_cast<double>(counts.masked))
                             : 0.0f;
  };
  const std::array<float, 2> scales{over(options().hard), over(options().soft)};
  device_->copy(arena_->view(scales_), view_of(std::span<const float>(scales)),
                CopyDirection::host_to_device, device_->compute_stream());
  layers_.begin(counts.tokens);
}

void MlmTeacher::labels(const Pass& pass, const PretrainingModel& student, TensorView hidden,
                        TensorView dhidden, const Sums& sums) {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0 || !options().uses_labels()) return;
  student.mlm().forward_logits(pass, *arena_, hidden);
  const auto losses = [&](int i) { return arena_->view(row_losses_[i]).slice(0, masked); };
  ops_->logits_gradient({.hard = losses(0), .soft = losses(1), .correct = losses(2)},
                        student.mlm().logits(*arena_, masked),
                        {.labels = pass.input.masked_labels,
                         .teacher = model_.mlm().logits(*arena_, masked),
                         .scales = arena_->view(scales_),
                         .temperature = options().temperature});
  pass.ops.add_sum(sums.hard, losses(0));
  pass.ops.add_sum(sums.taught.slice(0, 1), losses(1));
  pass.ops.add_sum(sums.correct, losses(2));
  student.mlm().backward(pass, *arena_, dhidden);
}

void MlmTeacher::train(const Pass& pass, const PretrainingModel& student, const Sums& sums,
                       const GradientsReady& ready) {
  const Pass own{pass.ops, parameters_, pass.input, Mode::evaluation, 0, pass.losses};
  const TensorView taught = layers_.run_teacher(own, model_.encoder());
  if (options().uses_labels()) model_.mlm().forward_logits(own, *arena_, taught);
  const TensorView hidden = layers_.run_student(pass, student.encoder());
  const TensorView dhidden = student.encoder().output_gradient(*arena_, pass.input.tokens());
  device_->set_zero(dhidden, device_->compute_stream());
  labels(pass, student, hidden, dhidden, sums);
  const TensorView layer_sums = sums.taught.slice(1, LayerDistillation::kTerms);
  layers_.add_errors(pass, dhidden, layer_sums);
  if (ready) ready(student.heads_end());
  layers_.backward(pass, student.encoder(), layer_sums, ready);
}

}  // namespace bertyard
