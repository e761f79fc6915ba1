// SPDX-License-Identifier: Apache-2.0
#include "core/nn/class_losses.h"

namespace bertyard {

void class_losses(const Pass& pass, const RowResults& results, TensorView logits,
                  ConstTensorView labels, const TaskWeights& weights) {
  const bool training = pass.mode == Mode::training;
  const auto& [loss, correct] = results;
  if (weights.classes.present()) {
    training ? pass.losses->weighted_cross_entropy_gradient(
                   loss, correct, logits, {labels, weights.classes, weights.scale})
             : pass.losses->weighted_cross_entropy(loss, correct, logits, labels, weights.classes);
  } else {
    training ? pass.ops.cross_entropy_gradient(loss, correct, logits, labels, weights.scale)
             : pass.ops.cross_entropy(loss, correct, logits, labels);
  }
}

void sequence_losses(const Pass& pass, const RowResults& results, HeadKind kind, TensorView logits,
                     const TaskWeights& weights) {
  if (kind != HeadKind::regress) {
    return class_losses(pass, results, logits, pass.input.task_labels, weights);
  }
  const ConstTensorView values = pass.input.task_values;
  pass.mode == Mode::training
      ? pass.losses->squared_error_gradient(results.loss, logits, values, weights.scale)
      : pass.losses->squared_error(results.loss, logits, values);
}

}  // namespace bertyard
