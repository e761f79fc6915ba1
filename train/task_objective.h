// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/nn/task_model.h"
#include "train/objective.h"
#include "train/task_teacher.h"

namespace bertyard {

// The loss of a downstream task: the mean over the step's samples, or over its labelled tokens
// where tokens are tagged. Owns model and parameter store, borrows all memory.
class TaskObjective final : public Objective {
 public:
  static constexpr std::int64_t kSums = 2;  // loss and correct

  // `class_weights` multiply the losses of their classes in train() and not in evaluate(); empty:
  // all 1.
  TaskObjective(const ModelConfig& config, const HeadConfig& head, std::uint64_t dropout_seed,
                std::vector<float> class_weights = {});
  // A student's: sums() go on with TaskTeacher::kSums.
  TaskObjective(const ModelConfig& config, const HeadConfig& head, std::uint64_t dropout_seed,
                const TeacherSetting& teacher);

  ParameterStore& parameters() override { return parameters_; }
  const ParameterStore& parameters() const override { return parameters_; }
  const ModelConfig& config() const override { return config_; }
  const TaskModel& model() const { return model_; }
  TaskTeacher* teacher() { return teacher_ ? &*teacher_ : nullptr; }
  const TaskTeacher* teacher() const { return teacher_ ? &*teacher_ : nullptr; }

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  void bind(const Arena& arena, Device& device) override;
  void extend(WorkspaceLimits& limits) const override;
  RecurrentLimits recurrent_limits(const Capacities& capacities) const override;
  void begin(const StepCounts& counts) override;
  void train(const PackedInput& input, const GradientsReady& ready) override;
  void evaluate(const PackedInput& input) override;
  TensorView sums() const override { return arena_->view(sums_); }

  // The logits after evaluate() of the same input, on the device; in training what backward left.
  TensorView logits(const PackedInput& input) const { return model_.head().logits(input, *arena_); }
  // The loss of a step that is optimised.
  double loss(std::span<const double> sums, const StepCounts& counts) const;

 private:
  // What a mean is taken over: labelled tokens or samples.
  std::int64_t count(const StepCounts& counts) const;
  Pass pass(const PackedInput& input, Mode mode) const;
  bool has_lstms() const {
    return config_.is_elmo() || model_.head_config().reader == TagReader::bilstm;
  }
  TaskSums task_sums() const { return {sums().slice(0, 1), sums().slice(1, 1)}; }
  TaskWeights weights() const;

  ModelConfig config_;
  ParameterStore parameters_;
  TaskModel model_;
  std::optional<TaskTeacher> teacher_;
  bool teaches_ = false;  // planned for training
  std::uint64_t dropout_seed_;
  std::vector<float> class_weights_;
  ArenaSlot sums_, scale_, classes_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
};

}  // namespace bertyard
