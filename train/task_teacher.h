// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/nn/task_model.h"
#include "train/layer_distillation.h"
#include "train/objective.h"

namespace bertyard {

// A fine-tuned model that teaches a smaller one its task: hard and soft labels, or numbers, and the
// terms of LayerDistillation. Sees the student's packed micro-batch without dropout and gets no
// gradient. Owns its model, whose weights lie among the activations.
class TaskTeacher {
 public:
  // f64: soft, cosine, hidden, attention, as distillation_losses() takes them.
  static constexpr std::int64_t kSums = 1 + LayerDistillation::kTerms;

  // The student's parameters may get a linear fit as their last. Throws UsageError where the two
  // models do not fit, or a CRF decides: it has no soft labels.
  TaskTeacher(const ModelConfig& student, const HeadConfig& head, const TeacherSetting& setting,
              ParameterStore& student_parameters);

  const DistillationOptions& options() const { return setting_.options; }
  const ModelConfig& config() const { return setting_.model; }
  // To be filled after bind().
  ParameterStore& parameters() { return parameters_; }
  const ParameterStore& parameters() const { return parameters_; }

  void plan(ArenaPlan& plan, const Capacities& capacities);
  void bind(const Arena& arena, Device& device);
  // Of the global batch: what labels and what tokens are averaged over.
  void begin(std::int64_t labels, std::int64_t tokens);

  struct Sums {
    TensorView hard, correct;  // f64 [1] each
    TensorView taught;         // f64 [kSums]
  };
  // Forward and backward of the student, in place of its own.
  void train(const Pass& pass, const TaskModel& student, const Sums& sums,
             const GradientsReady& ready);

 private:
  void labels(const Pass& pass, const TaskModel& student, TensorView hidden, TensorView dhidden,
              const Sums& sums);
  void label_gradient(const PackedInput& input, const DistillationOps::Losses& losses,
                      TensorView logits);

  TeacherSetting setting_;
  ParameterStore parameters_;
  TaskModel model_;
  LayerDistillation layers_;
  ArenaSlot values_, scales_, row_losses_[3];
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  std::unique_ptr<DistillationOps> ops_;
};

}  // namespace bertyard
