// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/communicator.h"
#include "train/timed_objective.h"
#include "train/trainer.h"

namespace bertyard {

// Seconds of one step by what they were spent on.
struct StepTimes {
  double total = 0;
  double data = 0;  // waiting for the batch
  double forward = 0;
  double backward = 0;
  double together = 0;       // forward and backward, where they are one graph
  double communication = 0;  // waiting for other ranks, beyond what backward hid
  double update = 0;         // in the optimizer
  double other() const {
    return total - data - forward - backward - together - communication - update;
  }
};

// Watches a trainer's steps and does nothing else: no evaluation, no checkpoint. Borrows the
// objective that the trainer trains.
class StepProfile final : public TrainerHooks {
 public:
  // The first `warmup_steps` are not recorded.
  StepProfile(TimedObjective& objective, std::int64_t warmup_steps)
      : objective_(objective), warmup_steps_(warmup_steps) {}

  void step_done(const StepReport& report) override;
  void evaluate(const TrainState&) override {}
  void save(const TrainState&) override {}
  StopRequest stop_requested() override { return StopRequest::none; }

  struct Step {
    StepTimes times;
    StepCounts counts;
    std::int64_t tokens = 0;
    std::int64_t micro_batches = 0;  // of this rank
  };
  const std::vector<Step>& steps() const { return steps_; }

 private:
  TimedObjective& objective_;
  std::int64_t warmup_steps_;
  std::vector<Step> steps_;
};

// The recorded times, each the mean over the ranks; every rank makes this call.
std::vector<StepTimes> mean_over_ranks(const std::vector<StepProfile::Step>& steps,
                                       Communicator& communicator);

// The middle value, or the mean of the two in the middle; 0 of nothing.
double median(std::vector<double> values);

}  // namespace bertyard
