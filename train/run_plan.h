// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/batches/step_plan.h"
#include "data/samples/sample_source.h"
#include "train/options.h"

namespace bertyard {

// A phase of the schedule with its amounts turned into steps.
struct PlannedPhase {
  std::int64_t first_step = 0;
  std::int64_t end_step = 0;      // one past the last
  std::uint64_t first_index = 0;  // global index of its first sample
  int max_length = 0;
  std::int64_t global_batch = 0;
  MicroBatchCapacities capacities;
};

// The whole run in steps: which phase a step belongs to and where in the data it begins. A pure
// function of the schedule and the data set.
class RunPlan {
 public:
  // What turns samples, epochs and tokens into steps.
  struct DataFacts {
    std::uint64_t samples = 0;
    std::vector<std::int64_t> lengths;  // of a sample of the samples, for amounts in tokens
  };

  // Throws UsageError where a phase has no step.
  RunPlan(const std::vector<Phase>& schedule, const Amount& warmup, const DataFacts& facts);

  std::int64_t total_steps() const { return phases_.back().end_step; }
  std::int64_t warmup_steps() const { return warmup_steps_; }
  const std::vector<PlannedPhase>& phases() const { return phases_; }
  std::vector<PlannedPhase>& phases() { return phases_; }
  // Index of the phase of `step`; the last one beyond the end.
  std::size_t phase_of(std::int64_t step) const;

 private:
  std::int64_t steps_until(const Amount& until, const DataFacts& facts) const;

  std::vector<PlannedPhase> phases_;
  std::int64_t warmup_steps_ = 0;
};

// Lengths of at most `limit` samples, spread evenly over the source.
RunPlan::DataFacts data_facts(const SampleSource& source, std::size_t limit = 10000);

// Capacities of a micro-batch, by the program where `wanted` has zeros: at least four micro-batches
// a step where the batch allows it, at most 4,096 tokens each (activations of BERT-Base: 2.4 GiB),
// whatever the number of ranks. Masked tokens are bounded by `mask`. With `leaves` above 0 small
// enough for twice as many micro-batches, since samples may be shorter than max_length.
struct StepSize {
  std::int64_t global_batch = 0;
  std::int64_t max_length = 0;
  int leaves = 0;
  std::int64_t most_tokens = 4096;  // of a micro-batch, where nobody says
};
MicroBatchCapacities choose_capacities(const MicroBatchOptions& wanted, const StepSize& step,
                                       const MaskOptions& mask);

}  // namespace bertyard
