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

}  // namespace bertyard
