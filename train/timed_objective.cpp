// SPDX-License-Identifier: Apache-2.0
#include "train/timed_objective.h"

#include <chrono>
#include <utility>

namespace bertyard {

TimedObjective::Spent TimedObjective::take() {
  return std::exchange(spent_, {});
}

const ParameterStore& TimedObjective::parameters() const {
  return std::as_const(objective_).parameters();
}

void TimedObjective::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  objective_.plan(plan, capacities, mode);
}

void TimedObjective::bind(const Arena& arena, Device& device) {
  objective_.bind(arena, device);
}

void TimedObjective::begin(const StepCounts& counts) {
  objective_.begin(counts);
}

void TimedObjective::train(const PackedInput& input, const GradientsReady& ready) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  };
  const Clock::time_point start = Clock::now();
  ++spent_.micro_batches;
  if (whole_ != nullptr) {
    whole_->train(input, ready);
    device_.synchronize();
    spent_.together += seconds(start, Clock::now());
    return;
  }
  objective_.forward(input);
  device_.synchronize();
  const Clock::time_point half = Clock::now();
  objective_.backward(input, ready);
  device_.synchronize();
  spent_.forward += seconds(start, half);
  spent_.backward += seconds(half, Clock::now());
}

void TimedObjective::evaluate(const PackedInput& input) {
  objective_.evaluate(input);
}

}  // namespace bertyard
