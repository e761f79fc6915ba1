// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(const Parts& parts, const RunPlan& plan, const Options& options,
                 OpenStream open_stream)
    : parts_(parts),
      plan_(plan),
      options_(options),
      open_stream_(std::move(open_stream)),
      on_host_(parts.device.info().kind == DeviceKind::cpu),
      times_(options.watch.straggler),
      spike_(options.watch.spike) {
  const auto sums = static_cast<std::size_t>(parts_.objective.sums().elements());
  const std::size_t of_leaves = sums * static_cast<std::size_t>(parts_.reduction.leaves());
  const std::size_t count = of_leaves + kFlagCount;
  pinned_ = parts_.device.allocate_pinned(count * sizeof(double));
  exchanged_ = {static_cast<double*>(pinned_.data()), count};
  leaf_sums_ = exchanged_.first(of_leaves);
  flags_ = exchanged_.subspan(of_leaves);
  report_.sums.resize(sums);
}

TrainEnd Trainer::run(const TrainState& state) {
  state_ = state;
  spike_.restore(state.last_losses);
  if (parts_.pulse != nullptr) parts_.pulse->step_done(state_.step);
  last_save_ = last_evaluation_ = Clock::now();
  while (state_.step < plan_.total_steps()) {
    const StepReport& report = step();
    parts_.hooks.step_done(report);
    const bool rolls_back = report.spiked && options_.watch.spike.rule == SpikeRule::rollback;
    StopRequest stop;
    if (rolls_back) {  // to where everything was evaluated, compared and saved already
      roll_back(report);
      stop = agreed_stop();
    } else {
      refuse_divergence(report);
      stop = after_step();
    }
    if (converged_) return TrainEnd::finished;
    if (stop == StopRequest::requeue) return TrainEnd::requeue;
    if (stop == StopRequest::terminate) return TrainEnd::terminated;
  }
  return TrainEnd::finished;
}

void Trainer::enter(RankPhase phase) {
  times_.enter(phase);
  if (parts_.pulse != nullptr) parts_.pulse->enter(phase);
}

StepBatches Trainer::next_batches() {
  const Span span(parts_.spans, "data");
  enter(RankPhase::data);
  const std::size_t phase = plan_.phase_of(state_.step);
  if (!stream_ || phase != stream_phase_) {
    stream_.reset();
    stream_ = open_stream_(plan_.phases()[phase], state_.data_position);
    stream_phase_ = phase;
  }
  const PlannedPhase& planned = plan_.phases()[phase];
  parts_.batch.resize(planned.capacities, planned.max_length);  // an evaluation has its own
  return *stream_->next();
}

const StepReport& Trainer::step() {
  const Span span(parts_.spans, "step", state_.step + 1);
  const Clock::time_point start = Clock::now();
  const StepBatches batches = next_batches();
  StepReport& report = report_;
  report.data_seconds = seconds_since(start);
  report.phase = stream_phase_;
  report.counts = {batches.masked, batches.samples, batches.tokens};
  report.tokens = batches.tokens;
  report.micro_batches = batches.total_micro_batches;

  accumulate(batches);
  const Clock::time_point waiting = Clock::now();
  sum_over_ranks();
  report.comm_seconds = seconds_since(waiting);

  const Clock::time_point updating = Clock::now();
  update(report);
  report.update_seconds = seconds_since(updating) - report.update.exchange_seconds;
  report.comm_seconds += report.update.exchange_seconds;
  report.seconds = seconds_since(start);
  ++state_.step;
  if (parts_.pulse != nullptr) parts_.pulse->step_done(state_.step);
  state_.data_position = batches.next_index;
  state_.tokens += batches.tokens;
  state_.seconds += report.seconds;
  state_.last_losses = spike_.losses();
  report.state = state_;
  if (!report.update.applied && !report.spiked) look_at_skipped(report, batches);
  return report;
}

void Trainer::sum_over_ranks() {
  const Span span(parts_.spans, "reduce");
  enter(RankPhase::reduce);
  parts_.reduction.finish();
  exchange();
  parts_.device.synchronize();  // what a GPU still waits for is waiting for others
  parts_.reduction.check();
}

// With the sums of all ranks, so that all leave an update out or none does.
void Trainer::update(StepReport& report) {
  const Span span(parts_.spans, "optimizer");
  enter(RankPhase::update);
  report.learning_rate = learning_rate(options_.schedule, state_.step);
  report.update = {};
  const double loss = spike_.wanted() ? parts_.hooks.loss_of(report) : 0;
  report.spiked = spike_.is_spike(loss);
  if (report.spiked) return;
  report.update = parts_.optimizer.step(report.learning_rate, parts_.objective.parameters());
  parts_.reduction.check();  // of a sharded optimizer's weights, which the step has waited for
  if (report.update.applied) spike_.remember(loss);
}

// At the first of several and at the last: it costs another step.
void Trainer::look_at_skipped(const StepReport& report, const StepBatches& batches) {
  const bool last = skipped_ + 1 >= options_.watch.max_skipped;
  if (skipped_ > 0 && !last) return;
  const std::optional<BadNumbers> found =
      find_bad_numbers(parts_.device, parts_.objective, parts_.batch, batches,
                       [this] { enter(RankPhase::forward); });
  // Some ranks have found it long before others; these wait where waiting is watched.
  enter(RankPhase::reduce);
  parts_.communicator.all_reduce_sum(view_of(leaf_sums_.first(1))).wait();
  parts_.hooks.skipped({report, batches, found, last});
}

// Gradients of this rank's leaves; in the last micro-batch they go to the other ranks as soon as
// backward has passed them.
void Trainer::accumulate(const StepBatches& batches) {
  std::fill(exchanged_.begin(), exchanged_.end(), 0.0);
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
  parts_.device.synchronize();  // the sums have come, and what follows is waiting for others
}

void Trainer::accumulate_leaf(std::span<const Batch> micro_batches, const GradientsReady& last) {
  Device& device = parts_.device;
  device.set_zero(parts_.objective.parameters().gradients(), device.compute_stream());
  // A GPU's host only hands out work: when it gives out backward says nothing, and a micro-batch
  // that nobody wants to hear of may be one graph.
  for (const Batch& batch : micro_batches) {
    const Span span(parts_.spans, "micro-batch", &batch - micro_batches.data());
    enter(RankPhase::forward);
    const PackedInput input = parts_.batch.upload(batch);
    const bool tells = &batch == &micro_batches.back() && last;
    const auto ready = [&](std::int64_t elements) {
      enter(RankPhase::backward);
      if (tells) last(elements);
    };
    // By reference: a copy would allocate.
    parts_.objective.train(input, tells || on_host_ ? GradientsReady(std::ref(ready)) : nullptr);
  }
}

void Trainer::keep_sums(int leaf) {
  const TensorView sums = parts_.objective.sums();
  const auto count = static_cast<std::size_t>(sums.elements());
  const auto kept = leaf_sums_.subspan(static_cast<std::size_t>(leaf) * count, count);
  parts_.device.copy(view_of(kept), sums, CopyDirection::device_to_host,
                     parts_.device.compute_stream());
}

// The objective's sums over all leaves in their order, so that no bit depends on who computed them;
// and what any rank asked for.
void Trainer::exchange() {
  const StopRequest stop = parts_.hooks.stop_requested();
  flags_[kRequeue] = stop == StopRequest::requeue ? 1 : 0;
  flags_[kTerminate] = stop == StopRequest::terminate ? 1 : 0;
  const auto time_due = [this](const Interval& every, Clock::time_point last) {
    const bool decides = parts_.communicator.rank() == 0;
    return decides && every.seconds > 0 && seconds_since(last) >= every.seconds ? 1.0 : 0.0;
  };
  flags_[kCheckpointDue] = time_due(options_.checkpoint_every, last_save_);
  flags_[kEvaluationDue] = time_due(options_.evaluate_every, last_evaluation_);
  parts_.communicator.all_reduce_sum(view_of(exchanged_)).wait();

  std::vector<double>& sums = report_.sums;
  std::fill(sums.begin(), sums.end(), 0.0);
  for (std::size_t i = 0; i < leaf_sums_.size(); ++i) sums[i % sums.size()] += leaf_sums_[i];
}

void Trainer::refuse_divergence(const StepReport& report) {
  skipped_ = report.update.applied ? 0 : skipped_ + 1;
  if (skipped_ < options_.watch.max_skipped) return;
  if (report.spiked) {
    throw DivergedError(fmt::format(
        "the loss was above {:g} times the mean of the last {} steps in {} steps in a "
        "row, the last of them step {}; nothing was saved since. Resume with a lower "
        "optim.lr, or look at the data from there on",
        options_.watch.spike.factor, options_.watch.spike.window, skipped_, report.state.step));
  }
  throw DivergedError(
      fmt::format("the gradient was not finite in {} steps in a row, the last of them step {}; "
                  "nothing was saved since. Resume with a lower optim.lr, a longer optim.warmup "
                  "or optim.clip",
                  skipped_, report.state.step));
}

// The run goes on from the checkpoint with the samples after those of the spike: whoever resumes
// between here and the next checkpoint meets the same spike and goes the same way.
void Trainer::roll_back(const StepReport& report) {
  if (++rollbacks_ > options_.watch.max_skipped) {
    throw DivergedError(fmt::format(
        "step {}: the loss is a spike for the {}. time since it was below, whatever the "
        "samples. Resume from an older one by --resume PATH, or with a lower optim.lr",
        report.state.step, rollbacks_));
  }
  spike_step_ = std::max(spike_step_, report.state.step);
  skipped_ = 0;
  enter(RankPhase::checkpoint);
  state_ = parts_.hooks.roll_back(report);
  state_.data_position = report.state.data_position;
  spike_.restore(state_.last_losses);
  stream_.reset();
  if (parts_.pulse != nullptr) parts_.pulse->step_done(state_.step);
}

StopRequest Trainer::agreed_stop() const {
  if (flags_[kTerminate] > 0) return StopRequest::terminate;
  return flags_[kRequeue] > 0 ? StopRequest::requeue : StopRequest::none;
}

StopRequest Trainer::after_step() {
  const bool end = state_.step == plan_.total_steps();
  const StopRequest stop = agreed_stop();
  const bool healthy = skipped_ == 0;  // weights after a skipped step are those before it
  const bool evaluates =
      end || options_.evaluate_every.is_due(state_.step) || flags_[kEvaluationDue] > 0;
  if (evaluates) {
    const Span span(parts_.spans, "evaluation");
    enter(RankPhase::evaluate);
    parts_.hooks.evaluate(state_);
    converged_ = parts_.hooks.converged();
    last_evaluation_ = Clock::now();
  }
  const std::vector<Straggler> slow = times_.compare(state_.step, parts_.communicator);
  if (!slow.empty()) parts_.hooks.found_stragglers(state_, slow);
  const bool save_due = options_.checkpoint_every.is_due(state_.step) || flags_[kCheckpointDue] > 0;
  const bool saves = end || converged_ || stop != StopRequest::none || (save_due && healthy) ||
                     (evaluates && options_.save_evaluated);  // the best is one of these
  if (saves || options_.watch.compare_replicas.is_due(state_.step)) {
    parts_.hooks.compare_replicas(state_);
  }
  if (saves) {
    const Span span(parts_.spans, "checkpoint");
    enter(RankPhase::checkpoint);
    parts_.hooks.save(state_);
    last_save_ = Clock::now();
    if (state_.step > spike_step_) rollbacks_ = 0;
  }
  return end ? StopRequest::none : stop;
}

}  // namespace bertyard
