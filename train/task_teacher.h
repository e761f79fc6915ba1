// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/task_model.h"
#include "train/teacher.h"

namespace bertyard {

// A fine-tuned model that teaches a smaller one its task: labels are those of samples or words, or
// numbers.
class TaskTeacher final : public Teacher {
 public:
  // The student's parameters may get a linear fit as their last. Throws UsageError where the two
  // models do not fit, or a CRF decides: it has no soft labels.
  TaskTeacher(const ModelConfig& student, const HeadConfig& head, const TeacherSetting& setting,
              ParameterStore& student_parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities);
  // Forward and backward of the student, in place of its own.
  void train(const Pass& pass, const TaskModel& student, const Sums& sums,
             const GradientsReady& ready);

 private:
  void labels(const Pass& pass, const TaskModel& student, const StudentHidden& hidden,
              const Sums& sums);
  void label_gradient(const PackedInput& input, const DistillationOps::Losses& losses,
                      TensorView logits);

  TaskModel model_;
};

}  // namespace bertyard
