// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "train/layer_distillation.h"
#include "train/objective.h"

namespace bertyard {

// What is the same in every model that teaches a smaller one: hard and soft labels of rows, and the
// terms of LayerDistillation. Sees the student's packed micro-batch without dropout and gets no
// gradient. Whose rows and labels these are, a derived class says, which owns the model; its
// weights lie among the activations.
class Teacher {
 public:
  // f64: soft, cosine, hidden, attention, as distillation_losses() takes them.
  static constexpr std::int64_t kSums = 1 + LayerDistillation::kTerms;

  struct Sums {
    TensorView hard, correct;  // f64 [1] each
    TensorView taught;         // f64 [kSums]
  };

  const DistillationOptions& options() const { return setting_.options; }
  const ModelConfig& config() const { return setting_.model; }
  // To be filled after bind().
  ParameterStore& parameters() { return parameters_; }
  const ParameterStore& parameters() const { return parameters_; }

  void bind(const Arena& arena, Device& device);
  // Of the global batch: what labels and what tokens are averaged over.
  void begin(std::int64_t labels, std::int64_t tokens);

 protected:
  // Throws UsageError where the two models do not fit.
  Teacher(const ModelConfig& student, const TeacherSetting& setting,
          ParameterStore& student_parameters);
  ~Teacher() = default;

  // `rows` is the most labels of a micro-batch.
  void plan(ArenaPlan& plan, const Capacities& capacities, std::int64_t rows);

  // A step of the student: run_teacher(), the teacher's logits, run_student(), the labels' gradient
  // into dhidden, run_backward().
  struct StudentHidden {
    TensorView hidden, dhidden;  // [T, H]; dhidden is zero
  };
  Pass own_pass(const Pass& pass) const;
  TensorView run_teacher(const Pass& own, const Encoder& encoder);
  StudentHidden run_student(const Pass& pass, const Encoder& encoder);
  // `heads_end`: how far gradients are final once the labels' are.
  void run_backward(const Pass& pass, const Encoder& student, TensorView dhidden, const Sums& sums,
                    std::int64_t heads_end, const GradientsReady& ready);

  const Arena& arena() const { return *arena_; }
  DistillationOps& ops() const { return *ops_; }
  TensorView scales() const { return arena_->view(scales_); }  // f32 [2]: hard, soft
  // Where the losses of so many rows go.
  DistillationOps::Losses row_losses(std::int64_t rows) const;
  static void add_losses(const Pass& pass, const DistillationOps::Losses& losses, const Sums& sums);

 private:
  TeacherSetting setting_;
  ParameterStore parameters_;
  LayerDistillation layers_;
  ArenaSlot values_, scales_, row_losses_[3];
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  std::unique_ptr<DistillationOps> ops_;
};

}  // namespace bertyard
