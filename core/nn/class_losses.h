// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/task_head.h"

namespace bertyard {

// Cross entropy of the rows of logits [R, C] with labels i32 [R], weighted where `weights` has
// classes. In training the logits become their gradient.
void class_losses(const Pass& pass, const RowResults& results, TensorView logits,
                  ConstTensorView labels, const TaskWeights& weights);

// The losses of a head with a class or a number for each sequence: those, or squared errors.
void sequence_losses(const Pass& pass, const RowResults& results, HeadKind kind, TensorView logits,
                     const TaskWeights& weights);

}  // namespace bertyard
