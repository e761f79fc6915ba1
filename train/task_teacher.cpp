// SPDX-License-Identifier: Apache-2.0
#include "train/task_teacher.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {

TaskTeacher::TaskTeacher(const ModelConfig& student, const HeadConfig& head,
                         const TeacherSetting& setting, ParameterStore& student_parameters)
    : setting_(setting),
      model_(setting.model, head, parameters_),
      layers_(student, setting, student_parameters) {
  if (head.decision == TagDecision::crf) {
    throw UsageError("distill: a CRF has no soft labels; set finetune.head to linear");
  }
}

void TaskTeacher::plan(ArenaPlan& plan, const Capacities& capacities) {
  values_ = plan.add(DType::f32, {parameters_.flat_elements()});
  scales_ = plan.add(DType::f32, {2});
  const std::int64_t rows = std::max(capacities.masked, capacities.sequences);
  for (ArenaSlot& slot : row_losses_) slot = plan.add(DType::f32, {rows});
  model_.plan(plan, capacities, Mode::evaluation);
  layers_.plan(plan, capacities);
}

void TaskTeacher::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  ops_ = make_distillation_ops(device);
  parameters_.bind(arena.view(values_), {});
  layers_.bind(arena, device, *ops_);
}

void TaskTeacher::begin(std::int64_t labels, std::int64_t tokens) {
  const auto over = [labels](double weight) {
    return labels > 0 ? static_cast<float>(weight / static_cast<double>(labels)) : 0.0f;
  };
  const std::array<float, 2> scales{over(options().hard), over(options().soft)};
  device_->copy(arena_->view(scales_), view_of(std::span<const float>(scales)),
                CopyDirection::host_to_device, device_->compute_stream());
  layers_.begin(tokens);
}

void TaskTeacher::label_gradient(const PackedInput& input, const DistillationOps::Losses& losses,
                                 TensorView logits) {
  const HeadKind kind = model_.head_config().kind;
  const TensorView teacher = model_.head().logits(input, *arena_);
  const TensorView scales = arena_->view(scales_);
  if (kind == HeadKind::regress) {
    return ops_->value_gradient(losses.hard, losses.soft, logits,
                                {input.task_values, teacher, scales});
  }
  const DistillationOps::Targets targets{
      .labels = kind == HeadKind::tag ? input.masked_labels : input.task_labels,
      .teacher = teacher,
      .scales = scales,
      .temperature = options().temperature};
  if (kind == HeadKind::span) {
    return ops_->span_gradient(losses, logits, input.packing.offsets, targets);
  }
  ops_->logits_gradient(losses, logits, targets);
}

void TaskTeacher::labels(const Pass& pass, const TaskModel& student, TensorView hidden,
                         TensorView dhidden, const Sums& sums) {
  const std::int64_t rows = student.head().rows(pass.input);
  if (rows == 0 || !options().uses_labels()) return;
  const TensorView logits = student.head().compute_logits(pass, *arena_, hidden);
  const auto losses = [&](int i) { return arena_->view(row_losses_[i]).slice(0, rows); };
  label_gradient(pass.input, {.hard = losses(0), .soft = losses(1), .correct = losses(2)}, logits);
  pass.ops.add_sum(sums.hard, losses(0));
  pass.ops.add_sum(sums.taught.slice(0, 1), losses(1));
  if (student.head_config().kind != HeadKind::regress) pass.ops.add_sum(sums.correct, losses(2));
  student.head().backward(pass, *arena_, dhidden);
}

void TaskTeacher::train(const Pass& pass, const TaskModel& student, const Sums& sums,
                        const GradientsReady& ready) {
  const Pass own{pass.ops, parameters_, pass.input, Mode::evaluation, 0, pass.losses};
  const TensorView taught = layers_.run_teacher(own, model_.encoder());
  const bool labelled = model_.head().rows(pass.input) > 0 && options().uses_labels();
  if (labelled) (void)model_.head().compute_logits(own, *arena_, taught);
  const TensorView hidden = layers_.run_student(pass, student.encoder());
  const TensorView dhidden = student.encoder().output_gradient(*arena_, pass.input.tokens());
  device_->set_zero(dhidden, device_->compute_stream());
  labels(pass, student, hidden, dhidden, sums);
  const TensorView layer_sums = sums.taught.slice(1, LayerDistillation::kTerms);
  layers_.add_errors(pass, dhidden, layer_sums);
  if (ready) ready(student.head_end());
  layers_.backward(pass, student.encoder(), layer_sums, ready);
}

}  // namespace bertyard
