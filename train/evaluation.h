// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/batches/batch_stream.h"
#include "parallel/communicator.h"
#include "parallel/pulse.h"
#include "train/device_batch.h"
#include "train/pretraining_objective.h"

namespace bertyard {

struct PretrainingEvaluation {
  PretrainingScores scores;
  StepCounts counts;  // what the means were taken over
};

// What is evaluated and how it is cut into micro-batches.
struct EvaluationData {
  const SampleSource& source;
  const Masker* masker = nullptr;  // null where the source stores its masks, or none are wanted
  std::uint64_t seed = 0;          // of masks that are not stored
  std::uint64_t sample_limit = 0;  // 0: all
  int max_length = 512;            // longer samples are cut
  MicroBatchCapacities capacities;
  TokenTargets targets = TokenTargets::masked;
};

// Losses and accuracies of the first samples of a source, shared out over the ranks; every rank
// gets the same figures. Dropout is off and nothing of the training state changes. `pulse`, where
// there is one, ticks with each micro-batch.
PretrainingEvaluation evaluate(PretrainingObjective& objective, DeviceBatch& device_batch,
                               Device& device, Communicator& communicator,
                               const EvaluationData& data, Pulse* pulse = nullptr);

}  // namespace bertyard
