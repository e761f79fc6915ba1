// SPDX-License-Identifier: Apache-2.0
#include "train/step_profile.h"

#include <algorithm>
#include <array>

namespace bertyard {
namespace {

constexpr std::array kTimes{&StepTimes::total,    &StepTimes::data,     &StepTimes::forward,
                            &StepTimes::backward, &StepTimes::together, &StepTimes::communication,
                            &StepTimes::update};

}  // namespace

void StepProfile::step_done(const StepReport& report) {
  const TimedObjective::Spent spent = objective_.take();
  if (report.state.step <= warmup_steps_) return;
  Step step;
  step.times.total = report.seconds;
  step.times.data = report.data_seconds;
  step.times.forward = spent.forward;
  step.times.backward = spent.backward;
  step.times.together = spent.together;
  step.times.communication = report.comm_seconds;
  step.times.update = report.update_seconds;
  step.counts = report.counts;
  step.tokens = report.tokens;
  step.micro_batches = spent.micro_batches;
  steps_.push_back(step);
}

std::vector<StepTimes> mean_over_ranks(const std::vector<StepProfile::Step>& steps,
                                       Communicator& communicator) {
  std::vector<double> flat;
  for (const StepProfile::Step& step : steps) {
    for (const auto time : kTimes) flat.push_back(step.times.*time);
  }
  communicator.all_reduce_sum(view_of(std::span(flat))).wait();
  std::vector<StepTimes> means(steps.size());
  auto next = flat.begin();
  for (StepTimes& mean : means) {
    for (const auto time : kTimes) mean.*time = *next++ / communicator.size();
  }
  return means;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace bertyard
