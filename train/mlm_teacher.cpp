// SPDX-License-Identifier: Apache-2.0
#include "train/mlm_teacher.h"

#include "core/backend/layer_ops.h"

namespace bertyard {

MlmTeacher::MlmTeacher(const ModelConfig& student, const TeacherSetting& setting,
                       ParameterStore& student_parameters)
    : Teacher(student, setting, student_parameters),
      model_(setting.model, SentenceObjective::none, parameters()) {}

void MlmTeacher::plan(ArenaPlan& plan, const Capacities& capacities) {
  Teacher::plan(plan, capacities, capacities.masked);
  model_.plan(plan, capacities, Mode::evaluation);
}

void MlmTeacher::labels(const Pass& pass, const PretrainingModel& student,
                        const StudentHidden& hidden, const Sums& sums) {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0 || !options().uses_labels()) return;
  student.mlm().forward_logits(pass, arena(), hidden.hidden);
  const DistillationOps::Losses losses = row_losses(masked);
  ops().logits_gradient(losses, student.mlm().logits(arena(), masked),
                        {.labels = pass.input.masked_labels,
                         .teacher = model_.mlm().logits(arena(), masked),
                         .scales = scales(),
                         .temperature = options().temperature});
  add_losses(pass, losses, sums);
  pass.ops.add_sum(sums.correct, losses.correct);
  student.mlm().backward(pass, arena(), hidden.dhidden);
}

void MlmTeacher::train(const Pass& pass, const PretrainingModel& student, const Sums& sums,
                       const GradientsReady& ready) {
  const Pass own = own_pass(pass);
  const TensorView taught = run_teacher(own, model_.encoder());
  if (options().uses_labels()) model_.mlm().forward_logits(own, arena(), taught);
  const StudentHidden hidden = run_student(pass, student.encoder());
  labels(pass, student, hidden, sums);
  run_backward(pass, student.encoder(), hidden.dhidden, sums, student.heads_end(), ready);
}

}  // namespace bertyard
