// SPDX-License-Identifier: Apache-2.0
#include "train/task_teacher.h"

#include <algorithm>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {

TaskTeacher::TaskTeacher(const ModelConfig& student, const HeadConfig& head,
                         const TeacherSetting& setting, ParameterStore& student_parameters)
    : Teacher(student, setting, student_parameters), model_(setting.model, head, parameters()) {
  if (head.decision == TagDecision::crf) {
    throw UsageError("distill: a CRF has no soft labels; set finetune.head to linear");
  }
  if (head.reader == TagReader::bilstm) {
    throw UsageError("distill: a BiLSTM head is not distilled; set finetune.head to linear");
  }
}

void TaskTeacher::plan(ArenaPlan& plan, const Capacities& capacities) {
  Teacher::plan(plan, capacities, std::max(capacities.masked, capacities.sequences));
  model_.plan(plan, capacities, Mode::evaluation);
}

void TaskTeacher::label_gradient(const PackedInput& input, const DistillationOps::Losses& losses,
                                 TensorView logits) {
  const HeadKind kind = model_.head_config().kind;
  const TensorView teacher = model_.head().logits(input, arena());
  if (kind == HeadKind::regress) {
    return ops().value_gradient(losses.hard, losses.soft, logits,
                                {input.task_values, teacher, scales()});
  }
  const DistillationOps::Targets targets{
      .labels = kind == HeadKind::tag ? input.masked_labels : input.task_labels,
      .teacher = teacher,
      .scales = scales(),
      .temperature = options().temperature};
  if (kind == HeadKind::span) {
    return ops().span_gradient(losses, logits, input.packing.offsets, targets);
  }
  ops().logits_gradient(losses, logits, targets);
}

void TaskTeacher::labels(const Pass& pass, const TaskModel& student, const StudentHidden& hidden,
                         const Sums& sums) {
  const std::int64_t rows = student.head().rows(pass.input);
  if (rows == 0 || !options().uses_labels()) return;
  const TensorView logits = student.head().compute_logits(pass, arena(), hidden.hidden);
  const DistillationOps::Losses losses = row_losses(rows);
  label_gradient(pass.input, losses, logits);
  add_losses(pass, losses, sums);
  if (student.head_config().kind != HeadKind::regress) {
    pass.ops.add_sum(sums.correct, losses.correct);
  }
  student.head().backward(pass, arena(), hidden.dhidden);
}

void TaskTeacher::train(const Pass& pass, const TaskModel& student, const Sums& sums,
                        const GradientsReady& ready) {
  const Pass own = own_pass(pass);
  const TensorView taught = run_teacher(own, model_.encoder());
  const bool labelled = model_.head().rows(pass.input) > 0 && options().uses_labels();
  if (labelled) (void)model_.head().compute_logits(own, arena(), taught);
  const StudentHidden hidden = run_student(pass, student.encoder());
  labels(pass, student, hidden, sums);
  run_backward(pass, student.encoder(), hidden.dhidden, sums, student.head_end(), ready);
}

}  // namespace bertyard
