// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/task_head.h"

namespace bertyard {

// Cross entropy of the rows of logits [R, C] with labels i32 [R], weighted where `weights` has
// classes. In training the logits become their gradient.
void class_losses(const Pass& pass, const RowResults& results, TensorView logits,
                  ConstTensorView labels, const TaskWeights& weights);

}  // namespace bertyard
