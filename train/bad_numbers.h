// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "core/backend/device.h"
#include "data/batches/batch.h"
#include "train/device_batch.h"
#include "train/objective.h"

namespace bertyard {

// Where a gradient that is not finite began, on this rank.
struct BadNumbers {
  std::size_t micro_batch = 0;  // of this rank, in the step
  std::string tensor;           // the first in the order of backward; empty: the loss alone
  bool in_weights = false;      // the weights were not finite before the step already
  bool in_loss = false;         // forward gave such a loss already
};

// Computes the gradients of a step's share again, each micro-batch by itself and without the other
// ranks, and looks for the first that is not finite: weights and random numbers are those of the
// step, so a fault of the data or the arithmetic comes again, and one of the memory does not.
// Overwrites gradients and sums. It takes as long as the step did: `alive` is called before each
// micro-batch.
std::optional<BadNumbers> find_bad_numbers(Device& device, Objective& objective, DeviceBatch& batch,
                                           const StepBatches& step,
                                           const std::function<void()>& alive);

// A micro-batch as JSON lines, one a sequence: token ids, segments, masked positions with their
// labels, the sentence label, and what the sample is in the data.
std::string batch_json(const Batch& batch, std::int64_t step, int rank);

}  // namespace bertyard
