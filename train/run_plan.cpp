// SPDX-License-Identifier: Apache-2.0
#include "train/run_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/masking.h"

namespace bertyard {
namespace {

double mean_length(const RunPlan::DataFacts& facts, int max_length) {
  if (facts.lengths.empty()) return max_length;
  double sum = 0;
  for (const std::int64_t length : facts.lengths) {
    sum += static_cast<double>(std::min<std::int64_t>(length, max_length));
  }
  return sum / static_cast<double>(facts.lengths.size());
}

// A bound that no run reaches and whose product with a batch no integer overflows.
std::int64_t whole_steps(double steps) {
  constexpr double kMostSteps = 1e11;
  if (!(steps <= kMostSteps)) {
    throw UsageError(fmt::format(
        "schedule or warm-up of {:.3g} steps, expected at most 10^11; give it an earlier end",
        steps));
  }
  return std::llround(steps);
}

}  // namespace

RunPlan::DataFacts data_facts(const SampleSource& source, std::size_t limit) {
  RunPlan::DataFacts facts;
  facts.samples = source.size();
  const std::uint64_t stride = std::max<std::uint64_t>(1, facts.samples / limit);
  for (std::uint64_t i = 0; i < facts.samples; i += stride) {
    facts.lengths.push_back(source.shape(i).length);
  }
  return facts;
}

RunPlan::RunPlan(const std::vector<Phase>& schedule, const Amount& warmup, const DataFacts& facts) {
  if (schedule.empty()) throw UsageError("schedule is empty; give at least one phase");
  std::int64_t step = 0;
  std::uint64_t index = 0;
  for (const Phase& phase : schedule) {
    phases_.push_back({step, step, index, phase.max_length, phase.global_batch, {}});
    const std::int64_t end = steps_until(phase.until, facts);
    if (end <= step) {
      throw UsageError(
          fmt::format("schedule.{}.until comes to step {}, where the phase only begins at step {}; "
                      "give it a later end",
                      phases_.size() - 1, end, step));
    }
    phases_.back().end_step = end;
    index += static_cast<std::uint64_t>((end - step) * phase.global_batch);
    step = end;
  }
  warmup_steps_ = steps_until(warmup, facts);
  if (warmup_steps_ >= total_steps()) {
    throw UsageError(fmt::format(
        "optim.warmup comes to {} steps, the run has only {}; give it a shorter warm-up",
        warmup_steps_, total_steps()));
  }
}

// The first step at which the amount is reached, counted from the start of the run; beyond the
// planned phases the last one goes on.
std::int64_t RunPlan::steps_until(const Amount& until, const DataFacts& facts) const {
  if (until.unit == AmountUnit::steps) return whole_steps(until.value);
  double left = until.value;
  if (until.unit == AmountUnit::epochs) left *= static_cast<double>(facts.samples);
  for (const PlannedPhase& phase : phases_) {
    const bool tokens = until.unit == AmountUnit::tokens;
    const double per_step = static_cast<double>(phase.global_batch) *
                            (tokens ? mean_length(facts, phase.max_length) : 1.0);
    const auto steps = static_cast<double>(phase.end_step - phase.first_step);
    const bool open_end = &phase == &phases_.back();
    if (open_end || left <= steps * per_step) {
      return phase.first_step + whole_steps(std::ceil(left / per_step));
    }
    left -= steps * per_step;
  }
  return 0;
}

std::size_t RunPlan::phase_of(std::int64_t step) const {
  for (std::size_t i = 0; i + 1 < phases_.size(); ++i) {
    if (step < phases_[i].end_step) return i;
  }
  return phases_.size() - 1;
}

MicroBatchCapacities choose_capacities(const MicroBatchOptions& wanted, const StepSize& step,
                                       const MaskOptions& mask) {
  MicroBatchCapacities capacities{wanted.tokens, wanted.sequences, wanted.masked};
  if (capacities.tokens == 0) {
    const std::int64_t step_tokens = step.global_batch * step.max_length;
    const std::int64_t quarter = std::min<std::int64_t>(1024, (step_tokens + 3) / 4);
    std::int64_t share = std::max((step_tokens + 7) / 8, quarter);
    if (step.leaves > 0) share = std::min(share, step_tokens / (2 * step.leaves));
    capacities.tokens = std::max(step.max_length, std::min(share, step.most_tokens));
  }
  if (capacities.sequences == 0) {
    capacities.sequences =
        std::min(std::max<std::int64_t>(capacities.tokens / 16, 8), step.global_batch);
    capacities.sequences = std::max<std::int64_t>(capacities.sequences, 1);
  }
  if (capacities.masked == 0) {
    capacities.masked = max_masked(capacities.tokens, capacities.sequences, mask);
  }
  return capacities;
}

}  // namespace bertyard
