// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool due(const Interval& every, std::int64_t step) {
  return every.steps > 0 && step % every.steps == 0;
}

}  // namespace

Trainer::Trainer(const Parts& parts, const RunPlan& plan, const Options& options,
                 OpenStream open_stream)
    : parts_(parts), plan_(plan), options_(options), open_stream_(std::move(open_stream)) {}

TrainEnd Trainer::run(const TrainState& state) {
  state_ = state;
  last_save_ = last_evaluation_ = Clock::now();
  while (state_.step < plan_.total_steps()) {
    const StepReport report = step();
    parts_.hooks.step_done(report);
    refuse_divergence(report);
    const StopRequest stop = after_step();
    if (stop == StopRequest::requeue) return TrainEnd::requeue;
    if (stop == StopRequest::terminate) return TrainEnd::terminated;
  }
  return TrainEnd::finished;
}

StepBatches Trainer::next_batches() {
  const std::size_t phase = plan_.phase_of(state_.step);
  if (!stream_ || phase != stream_phase_) {
    stream_.reset();
    stream_ = open_stream_(plan_.phases()[phase], state_.data_position);
    stream_phase_ = phase;
  }
  return *stream_->next();
}

StepReport Trainer::step() {
  const Clock::time_point start = Clock::now();
  const StepBatches batches = next_batches();
  StepReport report;
  report.data_seconds = seconds_since(start);
  report.phase = stream_phase_;
  report.counts = {batches.masked, batches.samples};
  report.tokens = batches.tokens;

  accumulate(batches);
  const Clock::time_point waiting = Clock::now();
  parts_.reduction.finish();
  report.sums = exchange();
  report.comm_seconds = seconds_since(waiting);

  const Clock::time_point updating = Clock::now();
  report.learning_rate = learning_rate(options_.schedule, state_.step);
  report.update = parts_.optimizer.step(report.learning_rate, parts_.objective.parameters());
  report.update_seconds = seconds_since(updating);
  report.seconds = seconds_since(start);
  ++state_.step;
  state_.data_position = batches.next_index;
  state_.tokens += batches.tokens;
  state_.seconds += report.seconds;
  report.state = state_;
  return report;
}

// Gradients of this rank's leaves; in the last micro-batch they go to the other ranks as soon as
// backward has passed them.
void Trainer::accumulate(const StepBatches& batches) {
  const auto sums = static_cast<std::size_t>(parts_.objective.sums().elements());
  leaf_sums_.assign(sums * static_cast<std::size_t>(parts_.reduction.leaves()), 0.0);
  const auto ready = [this](std::int64_t elements) {
    parts_.reduction.gradients_ready_up_to(elements);
  };
  int leaf = parts_.reduction.own_leaves().first;
  std::size_t first = 0;
  for (const std::size_t end : batches.leaf_ends) {
    const bool last = end == batches.micro_batches.size();
    parts_.objective.begin({batches.masked, batches.samples, batches.tokens});
    accumulate_leaf(std::span(batches.micro_batches).subspan(first, end - first),
                    last ? GradientsReady(ready) : GradientsReady());
    keep_sums(leaf++);
    parts_.reduction.leaf_done();
    first = end;
  }
}

void Trainer::accumulate_leaf(std::span<const Batch> micro_batches, const GradientsReady& last) {
  Device& device = parts_.device;
  device.set_zero(parts_.objective.parameters().gradients(), device.compute_stream());
  for (const Batch& batch : micro_batches) {
    const PackedInput input = parts_.batch.upload(batch);
    const bool is_last = &batch == &micro_batches.back();
    parts_.objective.train(input, is_last ? last : GradientsReady());
  }
}

void Trainer::keep_sums(int leaf) {
  const TensorView sums = parts_.objective.sums();
  const auto count = static_cast<std::size_t>(sums.elements());
  const auto kept = std::span(leaf_sums_).subspan(static_cast<std::size_t>(leaf) * count, count);
  parts_.device.copy(view_of(kept), sums, CopyDirection::device_to_host,
                     parts_.device.compute_stream());
  parts_.device.synchronize();
}

// The objective's sums over all leaves in their order, so that no bit depends on who computed them;
// fills flags_ with what any rank asked for.
std::vector<double> Trainer::exchange() {
  std::vector<double> values = leaf_sums_;
  values.resize(leaf_sums_.size() + kFlagCount, 0.0);
  const std::span<double> flags = std::span(values).subspan(leaf_sums_.size());
  const StopRequest stop = parts_.hooks.stop_requested();
  flags[kRequeue] = stop == StopRequest::requeue ? 1 : 0;
  flags[kTerminate] = stop == StopRequest::terminate ? 1 : 0;
  const auto time_due = [this](const Interval& every, Clock::time_point last) {
    const bool decides = parts_.communicator.rank() == 0;
    return decides && every.seconds > 0 && seconds_since(last) >= every.seconds ? 1.0 : 0.0;
  };
  flags[kCheckpointDue] = time_due(options_.checkpoint_every, last_save_);
  flags[kEvaluationDue] = time_due(options_.evaluate_every, last_evaluation_);
  parts_.communicator.all_reduce_sum(view_of(std::span(values))).wait();
  flags_.assign(flags.begin(), flags.end());

  const auto count = static_cast<std::size_t>(parts_.objective.sums().elements());
  std::vector<double> sums(count, 0.0);
  for (std::size_t i = 0; i < leaf_sums_.size(); ++i) sums[i % count] += values[i];
  return sums;
}

void Trainer::refuse_divergence(const StepReport& report) {
  skipped_ = report.update.applied ? 0 : skipped_ + 1;
  if (skipped_ < options_.max_skipped_steps) return;
  throw DivergedError(
      fmt::format("the gradient was not finite in {} steps in a row, the last of them step {}; "
                  "nothing was saved since. Resume with a lower optim.lr, a longer optim.warmup "
                  "or optim.clip",
                  skipped_, report.state.step));
}

StopRequest Trainer::after_step() {
  const bool end = state_.step == plan_.total_steps();
  const StopRequest stop = flags_[kTerminate] > 0 ? StopRequest::terminate
                           : flags_[kRequeue] > 0 ? StopRequest::requeue
                                                  : StopRequest::none;
  const bool healthy = skipped_ == 0;  // weights after a skipped step are those before it
  if (end || due(options_.evaluate_every, state_.step) || flags_[kEvaluationDue] > 0) {
    parts_.hooks.evaluate(state_);
    last_evaluation_ = Clock::now();
  }
  const bool save_due = due(options_.checkpoint_every, state_.step) || flags_[kCheckpointDue] > 0;
  if (end || stop != StopRequest::none || (save_due && healthy)) {
    parts_.hooks.save(state_);
    last_save_ = Clock::now();
  }
  return end ? StopRequest::none : stop;
}

}  // namespace bertyard
