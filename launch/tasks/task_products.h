// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/tasks/finetune_setup.h"

namespace bertyard {

// What meets every product of a fine-tuning on a GPU, for share_kernel_choices(): micro-batches of
// every number of sequences, in training and in evaluation. The memory is allocated; weights,
// gradients and sums are not what they were.
void meet_products(FinetuneSetup& setup);

}  // namespace bertyard
