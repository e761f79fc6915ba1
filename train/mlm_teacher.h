// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/pretraining_model.h"
#include "train/teacher.h"

namespace bertyard {

// A masked language model that teaches a smaller one during pre-training: labels are the masked
// tokens.
class MlmTeacher final : public Teacher {
 public:
  // The student's parameters may get a linear fit as their last. Throws UsageError where the two
  // models do not fit.
  MlmTeacher(const ModelConfig& student, const TeacherSetting& setting,
             ParameterStore& student_parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities);
  // Forward and backward of the student, in place of its own.
  void train(const Pass& pass, const PretrainingModel& student, const Sums& sums,
             const GradientsReady& ready);

 private:
  void labels(const Pass& pass, const PretrainingModel& student, const StudentHidden& hidden,
              const Sums& sums);

  PretrainingModel model_;
};

}  // namespace bertyard
