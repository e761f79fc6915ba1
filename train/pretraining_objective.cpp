// SPDX-License-Identifier: Apache-2.0
#include "train/pretraining_objective.h"

#include "core/backend/layer_ops.h"

namespace bertyard {

PretrainingScores scores_of(std::span<const double> sums, const StepCounts& counts) {
  const auto mean = [](double sum, std::int64_t count) {
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
  };
  return {mean(sums[0], counts.masked), mean(sums[1], counts.masked), mean(sums[2], counts.samples),
          mean(sums[3], counts.samples)};
}

DistillationLosses taught_losses(std::span<const double> sums, const StepCounts& counts) {
  return distillation_losses(sums[0], sums.subspan(PretrainingObjective::kSums), counts.masked,
                             counts.tokens);
}

PretrainingObjective::PretrainingObjective(const ModelConfig& config, SentenceObjective sentences,
                                           std::uint64_t dropout_seed)
    : config_(config),
      model_(make_trained_model(config, sentences, parameters_)),
      dropout_seed_(dropout_seed) {}

PretrainingObjective::PretrainingObjective(const ModelConfig& config, const TeacherSetting& teacher,
                                           std::uint64_t dropout_seed)
    : PretrainingObjective(config, SentenceObjective::none, dropout_seed) {
  teacher_.emplace(config, teacher, parameters_);
}

void PretrainingObjective::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  sums_ = plan.add(DType::f64, {kSums + (teacher_ ? MlmTeacher::kSums : 0)});
  scales_ = plan.add(DType::f32, {2});
  std::visit([&](auto& model) { model.plan(plan, capacities, mode); }, model_);
  teaches_ = teacher_ && mode == Mode::training;
  if (teaches_) teacher_->plan(plan, capacities);
}

void PretrainingObjective::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  scales_on_host_ = device.allocate_pinned(2 * sizeof(float));
  scales_sent_ = device.make_event();
  if (teaches_) teacher_->bind(arena, device);
}

void PretrainingObjective::extend(WorkspaceLimits& limits) const {
  if (teaches_) extend_for(teacher_->config(), teacher_->parameters(), limits);
}

void PretrainingObjective::begin(const StepCounts& counts) {
  const auto inverse = [](std::int64_t count) {
    return count > 0 ? static_cast<float>(1.0 / static_cast<double>(count)) : 0.0f;
  };
  const TensorView scales(scales_on_host_.data(), DType::f32, {2});
  scales_sent_->synchronize();  // those of the call before have left
  scales.as<float>()[0] = inverse(counts.masked);
  scales.as<float>()[1] = inverse(counts.samples);
  device_->copy(arena_->view(scales_), scales, CopyDirection::host_to_device,
                device_->compute_stream());
  scales_sent_->record(device_->compute_stream());
  device_->set_zero(sums(), device_->compute_stream());
  if (teaches_) teacher_->begin(counts.masked, counts.tokens);
}

Pass PretrainingObjective::pass(const PackedInput& input, Mode mode) const {
  Pass pass{device_->layer_ops(), parameters_, input, mode, dropout_seed_};
  pass.spans = spans_;
  if (config_.is_elmo()) {
    pass.losses = &device_->loss_ops();
    pass.recurrent = &device_->recurrent_ops();
  }
  return pass;
}

void PretrainingObjective::run_forward(const Pass& pass) const {
  const TensorView sum = sums();
  const TensorView scales = arena_->view(scales_);
  const PretrainingSums parts{sum.slice(0, 1), sum.slice(1, 1), sum.slice(2, 1), sum.slice(3, 1)};
  const PretrainingScales inverses{scales.slice(0, 1), scales.slice(1, 1)};
  std::visit([&](const auto& model) { model.forward(pass, *arena_, *device_, parts, inverses); },
             model_);
}

void PretrainingObjective::forward(const PackedInput& input) {
  run_forward(pass(input, Mode::training));
}

void PretrainingObjective::backward(const PackedInput& input, const GradientsReady& ready) {
  const Pass training = pass(input, Mode::training);
  std::visit([&](const auto& model) { model.backward(training, *arena_, ready); }, model_);
}

void PretrainingObjective::train(const PackedInput& input, const GradientsReady& ready) {
  if (teacher_) {
    const TensorView all = sums();
    return teacher_->train(pass(input, Mode::training), model(),
                           {.hard = all.slice(0, 1),
                            .correct = all.slice(1, 1),
                            .taught = all.slice(kSums, MlmTeacher::kSums)},
                           ready);
  }
  forward(input);
  backward(input, ready);
}

void PretrainingObjective::evaluate(const PackedInput& input) {
  run_forward(pass(input, Mode::evaluation));
}

}  // namespace bertyard
