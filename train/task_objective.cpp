// SPDX-License-Identifier: Apache-2.0
#include "train/task_objective.h"

#include <utility>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {

TaskObjective::TaskObjective(const ModelConfig& config, const HeadConfig& head,
                             std::uint64_t dropout_seed, std::vector<float> class_weights)
    : config_(config),
      model_(config, head, parameters_),
      dropout_seed_(dropout_seed),
      class_weights_(std::move(class_weights)) {
  BERTYARD_CHECK(
      class_weights_.empty() || std::ssize(class_weights_) == head.labels,
      fmt::format("task: {} class weights for {} labels", class_weights_.size(), head.labels));
}

TaskObjective::TaskObjective(const ModelConfig& config, const HeadConfig& head,
                             std::uint64_t dropout_seed, const TeacherSetting& teacher)
    : TaskObjective(config, head, dropout_seed) {
  teacher_.emplace(config, head, teacher, parameters_);
}

void TaskObjective::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  sums_ = plan.add(DType::f64, {kSums + (teacher_ ? TaskTeacher::kSums : 0)});
  scale_ = plan.add(DType::f32, {1});
  classes_ = plan.add(DType::f32, {std::max<std::int64_t>(1, std::ssize(class_weights_))});
  model_.plan(plan, capacities, mode);
  teaches_ = teacher_ && mode == Mode::training;
  if (teaches_) teacher_->plan(plan, capacities);
}

void TaskObjective::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  if (teaches_) teacher_->bind(arena, device);
}

void TaskObjective::extend(WorkspaceLimits& limits) const {
  if (teaches_) extend_for(teacher_->config(), teacher_->parameters(), limits);
}

RecurrentLimits TaskObjective::recurrent_limits(const Capacities& capacities) const {
  return bertyard::recurrent_limits(config_, capacities, model_.head_config());
}

std::int64_t TaskObjective::count(const StepCounts& counts) const {
  return model_.head_config().kind == HeadKind::tag ? counts.masked : counts.samples;
}

double TaskObjective::loss(std::span<const double> sums, const StepCounts& counts) const {
  const std::int64_t over = count(counts);
  if (!teacher_) return over > 0 ? sums[0] / static_cast<double>(over) : 0.0;
  return distillation_losses(sums[0], sums.subspan(kSums), over, counts.tokens)
      .total(teacher_->options());
}

void TaskObjective::begin(const StepCounts& counts) {
  const std::int64_t over = count(counts);
  const float scale = over > 0 ? static_cast<float>(1.0 / static_cast<double>(over)) : 0.0f;
  device_->copy(arena_->view(scale_), view_of(std::span<const float>(&scale, 1)),
                CopyDirection::host_to_device, device_->compute_stream());
  if (!class_weights_.empty()) {
    device_->copy(arena_->view(classes_), view_of(std::span<const float>(class_weights_)),
                  CopyDirection::host_to_device, device_->compute_stream());
  }
  device_->set_zero(sums(), device_->compute_stream());
  if (teaches_) teacher_->begin(over, counts.tokens);
  device_->synchronize();
}

TaskWeights TaskObjective::weights() const {
  return {arena_->view(scale_),
          class_weights_.empty() ? ConstTensorView() : ConstTensorView(arena_->view(classes_))};
}

Pass TaskObjective::pass(const PackedInput& input, Mode mode) const {
  Pass pass{device_->layer_ops(), parameters_, input, mode, dropout_seed_, &device_->loss_ops()};
  if (has_lstms()) pass.recurrent = &device_->recurrent_ops();
  return pass;
}

void TaskObjective::train(const PackedInput& input, const GradientsReady& ready) {
  const Pass training = pass(input, Mode::training);
  if (teacher_) {
    const TensorView all = sums();
    return teacher_->train(training, model_,
                           {.hard = all.slice(0, 1),
                            .correct = all.slice(1, 1),
                            .taught = all.slice(kSums, TaskTeacher::kSums)},
                           ready);
  }
  model_.compute_logits(training, *arena_);
  model_.losses(training, *arena_, task_sums(), weights());
  model_.backward(training, *arena_, *device_, ready);
}

void TaskObjective::evaluate(const PackedInput& input) {
  const Pass evaluation = pass(input, Mode::evaluation);
  model_.compute_logits(evaluation, *arena_);
  // Without the weights of classes: a held-out loss is the same whoever takes it.
  model_.losses(evaluation, *arena_, task_sums(), {arena_->view(scale_), {}});
}

}  // namespace bertyard
