// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/backend/device.h"
#include "data/batches/step_plan.h"
#include "data/tasks/task_set.h"
#include "parallel/communicator.h"
#include "parallel/pulse.h"
#include "train/device_batch.h"
#include "train/task_objective.h"

namespace bertyard {

// The logits of every sample of a set, in the order of the samples, the same on every rank.
struct TaskOutputs {
  double loss = 0;  // mean over what is labelled, without weights of classes; 0 without labels
  std::vector<double> logits;
  std::vector<std::size_t> first;  // [samples + 1], where each sample's begin

  std::span<const double> of(std::size_t sample) const {
    return std::span(logits).subspan(first[sample], first[sample + 1] - first[sample]);
  }
};

// Forward alone over the whole set, shared out over the ranks. `pulse`, where there is one, ticks
// with each micro-batch.
TaskOutputs run_task(TaskObjective& objective, DeviceBatch& device_batch, Device& device,
                     Communicator& communicator, const TaskSet& set,
                     const MicroBatchCapacities& capacities, Pulse* pulse = nullptr);

}  // namespace bertyard
