// SPDX-License-Identifier: Apache-2.0
#include "launch/run/pretraining_run.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "launch/run/failure.h"
#include "launch/run/injected_faults.h"
#include "launch/run/kernel_choices.h"
#include "launch/run/rank_reports.h"
#include "launch/run/resume_choice.h"
#include "launch/run/signals.h"
#include "launch/run/training_banner.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Baselines baselines_of(const PretrainingSetup& setup, const EvaluationData& data) {
  const BaselineData held_out{data.source, data.masker, data.seed, data.sample_limit,
                              data.max_length};
  if (data.targets == TokenTargets::next) {
    return next_token_baselines(held_out, *setup.train, setup.model.vocab_size);
  }
  if (data.targets == TokenTargets::neighbours) {
    return neighbour_baselines(held_out, *setup.train, setup.model.vocab_size);
  }
  return compute_baselines(
      held_out, unigram_counts(setup.config.data.train, *setup.train, setup.model.vocab_size));
}

}  // namespace

PretrainingRun::PretrainingRun(const RunParts& parts)
    : communicator_(parts.communicator, pulse_),
      devices_(parts.devices, pulse_),
      parts_{parts.loaded,  parts.setup, communicator_,    devices_,      parts.control, parts.log,
             parts.command, parts.hosts, parts.rank_table, parts.end_job, parts.profile, &pulse_} {}
PretrainingRun::~PretrainingRun() = default;

TrainEnd PretrainingRun::run() {
  open_directory();
  try {
    start_watch();
    const std::optional<CheckpointState> resumed =
        restore_run(parts_, directory_ ? &*directory_ : nullptr, *checkpoints_, start_);
    if (directory_ && resumed) directory_->prepare_resume(*resumed, parts_.log);
    write_record();
    if (leads()) {
      show_banner();
      open_journal(resumed ? &*resumed : nullptr);
    }
    (void)parts_.control.agree_max("the start of training", 0);  // nobody refuses it any more
    watch_->record(parts_.log);
    const TrainEnd end = train_run(parts_, *this, start_);
    parts_.profile.finish(parts_.log);
    parts_.setup.device_ranks.disconnect();  // rank 0 has the last checkpoint in its memory
    finish(end);
    return end;
  } catch (const std::exception& error) {
    note_failure(error.what());
    throw;
  }
}

// Any rank's, for rank 0 hears no more of it than a signal. A start that was refused leaves the run
// as it was.
void PretrainingRun::note_failure(const std::string& reason) {
  if (!recorded_) {
    if (directory_) directory_->forget_new();
    return;
  }
  note_failed_run(directory_ ? &*directory_ : nullptr, parts_.loaded.config.run,
                  parts_.communicator.rank(), reason, parts_.log);
}

void PretrainingRun::open_directory() {
  const RunConfig& config = parts_.loaded.config;
  std::string id;
  if (leads()) {
    directory_.emplace(RunDirectory::open(config.run, config.checkpoint.resume, parts_.log));
    id = directory_->id();
  }
  id = parts_.control.broadcast_string("run id", id);
  checkpoints_.emplace(allocate_run(parts_, id));
}

void PretrainingRun::start_watch() {
  const RunConfig& config = parts_.loaded.config;
  calls_ = calls_with_fault(fault_of(parts_.communicator.rank()));
  watch_.emplace(
      RunWatch::Setting{.run = std::filesystem::path(config.run.directory) / config.run.name,
                        .limit = config.watch.limit,
                        .slow_limit = config.watch.slow_limit,
                        .hosts = parts_.hosts,
                        .end = parts_.end_job},
      parts_.control, pulse_);
}

void PretrainingRun::write_record() {
  recorded_ = true;
  if (!leads()) return;
  parts_.log.open_file(directory_->log_file(0).string());
  directory_->write_record({.config_input = parts_.loaded.input_text,
                            .config_resolved = resolved_yaml(parts_.loaded.config),
                            .command = parts_.command,
                            .environment = environment_of(parts_)});
  write_file_atomically(directory_->log_file(0).parent_path() / "ranks.txt", parts_.rank_table);
  save_kernel_choices(kernel_choices_file(parts_.loaded.config.run), parts_.setup.kernel_choices,
                      parts_.log);
  directory_->set_status(RunStatus::running, "");
}

void PretrainingRun::show_banner() {
  for (const std::string& line :
       training_banner(parts_.setup, parts_.devices, directory_->path(), start_.step)) {
    parts_.log.info("{}", line);
  }
  if (start_.step < parts_.setup.plan.total_steps()) return;
  parts_.log.info(
      "nothing is left to do: all {} steps are done. A longer run is one of another run.name, with "
      "model.from {}",
      start_.step, directory_->path().string());
}

void PretrainingRun::open_journal(const CheckpointState* resumed) {
  const RunConfig& config = parts_.loaded.config;
  journal_.emplace(
      RunJournal::Setting{
          .run_name = config.run.name,
          .directory = directory_->path(),
          .log = config.log,
          .total_steps = parts_.setup.plan.total_steps(),
          .samples = parts_.setup.train->size(),
          .token_task = token_task(parts_.setup.model),
          .next_sentence = parts_.setup.next_sentence(),
          .memory_total_gib =
              static_cast<double>(parts_.setup.device->info().memory_bytes) / (1u << 30),
          .distill = config.distill},
      resumed, parts_.log);
}

void PretrainingRun::step_done(const StepReport& report) {
  parts_.profile.step_done(parts_.log);
  if (!journal_) return;
  journal_->step_done(report);
  note_idle(report);
  note_saved(saver_.collect());
}

// Once: a step with few tokens is nothing wrong, many of them are a waste.
void PretrainingRun::note_idle(const StepReport& report) {
  const ParallelOptions& parallel = parts_.loaded.config.parallel;
  const bool is_ordered = parallel.reduction == Reduction::ordered;
  const auto groups =
      static_cast<std::size_t>(is_ordered ? parallel.leaves : parts_.communicator.size());
  if (has_noted_idle_ || report.micro_batches >= groups) return;
  has_noted_idle_ = true;
  parts_.log.warning(
      "step {}: {} tokens made {} micro-batches for {} {}, some of which had nothing to do (said "
      "once); a lower parallel.micro_batch.tokens gives them work",
      report.state.step, report.tokens, report.micro_batches, groups,
      is_ordered ? "leaves" : "ranks");
}

void PretrainingRun::evaluate(const TrainState& state) {
  PretrainingSetup& setup = parts_.setup;
  if (!setup.valid) return;
  const Clock::time_point start = Clock::now();
  const PlannedPhase& phase = setup.plan.phases()[setup.plan.phase_of(state.step)];
  const EvaluationData data = setup.evaluation_data(phase);
  const PretrainingEvaluation evaluation = bertyard::evaluate(
      setup.objective, setup.batch, *setup.device, parts_.communicator, data, &pulse_);
  held_out_ = HeldOut{evaluation.scores.mlm_loss, state.step};
  if (!journal_) return;
  if (!baselines_) baselines_ = baselines_of(setup, data);
  journal_->evaluated(state, evaluation, *baselines_, seconds_since(start));
}

std::filesystem::path PretrainingRun::directory_path() const {
  const RunOptions& run = parts_.loaded.config.run;
  return std::filesystem::path(run.directory) / run.name;
}

// Where the one before is still being written, training waits for it.
void PretrainingRun::save(const TrainState& state) {
  if (leads()) {
    note_saved(saver_.wait());
    start_save(state);
  } else {
    checkpoints_->assist();
  }
  held_out_.reset();
}

void PretrainingRun::start_save(const TrainState& state) {
  const Clock::time_point start = Clock::now();
  pulse_.note(fmt::format("save of step {}", state.step));
  try {
    journal_->flush();
  } catch (const IoError& error) {
    checkpoints_->assist();  // the other ranks do, whatever happens here
    return note_saved(BackgroundSaver::Saved{state.step, {}, 0, error.what()});
  }
  checkpoints_->take(snapshot_, state, parts_.setup.plan.phase_of(state.step), journal_->loss_log(),
                     held_out_);
  saver_.start(state.step, [this, folder = directory_->checkpoints()] {
    journal_->sync();
    BackgroundSaver::Written written = checkpoints_->write(folder, snapshot_, *calls_);
    pulse_.note("saved");
    return written;
  });
  stalled_seconds_ = seconds_since(start);
}

void PretrainingRun::note_saved(const std::optional<BackgroundSaver::Saved>& saved, bool last) {
  if (!saved) return;
  if (saved->error.empty()) {
    failed_saves_ = 0;
    saved_step_ = saved->step;
    if (!saved->written.warning.empty()) parts_.log.warning("{}", saved->written.warning);
    return journal_->saved(saved->step, saved->written.path, saved->seconds, stalled_seconds_);
  }
  ++failed_saves_;
  const std::int64_t kept = std::max(saved_step_, start_.step);
  const std::string found =
      fmt::format("step {} could not be saved: {}; the newest checkpoint is {}", saved->step,
                  saved->error, kept > 0 ? fmt::format("that of step {}", kept) : "none");
  const int most = parts_.loaded.config.watch.max_failed_saves;
  if (last) throw IoError(fmt::format("{}; mend the disk and resume", found));
  if (failed_saves_ >= most) {
    throw IoError(
        fmt::format("{} saves in a row failed (checkpoint.max_failures): {}; mend the "
                    "disk and resume",
                    failed_saves_, found));
  }
  parts_.log.warning("{}; training goes on (failure {} of {})", found, failed_saves_, most);
  journal_->write_event(journal_->event("save_failed", saved->step).add("error", saved->error));
}

void PretrainingRun::skipped(const Skipped& skipped) {
  report_skipped(parts_, journal_ ? &*journal_ : nullptr, skipped);
}

void PretrainingRun::compare_replicas(const TrainState& state) {
  require_same_weights(parts_, state.step);
}

void PretrainingRun::found_stragglers(const TrainState& state, const std::vector<Straggler>& slow) {
  if (journal_) report_stragglers(parts_, *journal_, state.step, slow);
}

double PretrainingRun::loss_of(const StepReport& report) const {
  const DistillationOptions& distill = parts_.loaded.config.distill;
  return distill.taught() ? taught_losses(report.sums, report.counts).total(distill)
                          : scores_of(report.sums, report.counts).loss();
}

// As a resume does, but within the process, and to the run's own newest checkpoint of those that
// are due by steps: where others stand depends on when the run was stopped.
TrainState PretrainingRun::roll_back(const StepReport& spike) {
  if (leads()) note_saved(saver_.wait());
  held_out_.reset();  // of weights that are given up
  CheckpointOptions options = parts_.loaded.config.checkpoint;
  options.resume = ResumeMode::due;
  const std::optional<Checkpoint> checkpoint = agree_on_checkpoint(
      {parts_.control, parts_.log}, options, directory_ ? &*directory_ : nullptr);
  if (!checkpoint) {
    throw DivergedError(fmt::format(
        "step {}: the loss is a spike and optim.spike.rule is rollback, but there is no "
        "checkpoint to go back to; set checkpoint.every lower",
        spike.state.step));
  }
  const TrainState state = checkpoints_->restore(*checkpoint).state;
  if (!leads()) return state;
  parts_.log.warning(
      "step {}: back to the checkpoint of step {}, and on after the samples of the "
      "spike",
      spike.state.step, state.step);
  const CheckpointState resumed = checkpoint->state();
  journal_.reset();
  directory_->prepare_resume(resumed, parts_.log);
  open_journal(&resumed);
  journal_->write_event(
      journal_->event("rollback", state.step).add("spike_step", spike.state.step));
  return state;
}

StopRequest PretrainingRun::stop_requested() {
  return StopSignals::requested();
}

void PretrainingRun::finish(TrainEnd end) {
  if (!leads()) return;
  note_saved(saver_.wait(), true);
  journal_->finish();
  journal_->flush();
  journal_->sync();
  directory_->write_summary(journal_->summary());
  switch (end) {
    case TrainEnd::finished:
      return directory_->set_status(RunStatus::done, "");
    case TrainEnd::requeue:
      return directory_->set_status(RunStatus::stopped, "USR1 or USR2, after a checkpoint");
    case TrainEnd::terminated:
      return directory_->set_status(RunStatus::stopped, "TERM or INT, after a checkpoint");
  }
}

}  // namespace bertyard
