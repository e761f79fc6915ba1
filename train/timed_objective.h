// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "train/pretraining_objective.h"

namespace bertyard {

// The pre-training objective with a watch on its forward and backward. Waits for the device between
// the two, so that each has its own time. With `whole`, which trains the same objective in a way of
// its own (train/captured_objective.h), both have one time. Borrows objectives and device.
class TimedObjective final : public Objective {
 public:
  struct Spent {
    double forward = 0;  // seconds, as backward
    double backward = 0;
    double together = 0;  // of forward and backward by `whole`
    std::int64_t micro_batches = 0;
  };

  TimedObjective(PretrainingObjective& objective, Device& device, Objective* whole = nullptr)
      : objective_(objective), device_(device), whole_(whole) {}

  // What was spent since the last call.
  Spent take();

  ParameterStore& parameters() override { return objective_.parameters(); }
  const ParameterStore& parameters() const override;
  const ModelConfig& config() const override { return objective_.config(); }
  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  void bind(const Arena& arena, Device& device) override;
  void begin(const StepCounts& counts) override;
  void train(const PackedInput& input, const GradientsReady& ready) override;
  void evaluate(const PackedInput& input) override;
  TensorView sums() const override { return objective_.sums(); }

 private:
  PretrainingObjective& objective_;
  Device& device_;
  Objective* whole_;
  Spent spent_;
};

}  // namespace bertyard
