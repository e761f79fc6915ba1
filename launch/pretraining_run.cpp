// SPDX-License-Identifier: Apache-2.0
#include "launch/pretraining_run.h"

#include <chrono>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/kernel_choices.h"
#include "launch/signals.h"
#include "launch/training_banner.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

PretrainingRun::PretrainingRun(const RunParts& parts) : parts_(parts) {}
PretrainingRun::~PretrainingRun() = default;

TrainEnd PretrainingRun::run() {
  const StopSignals signals;  // heard from here on, obeyed after the first step
  open_directory();
  try {
    const std::optional<CheckpointState> resumed =
        restore_run(parts_, directory_ ? &*directory_ : nullptr, *checkpoints_, start_);
    if (directory_ && resumed) directory_->prepare_resume(*resumed, parts_.log);
    write_record();
    open_journal(resumed ? &*resumed : nullptr);
    const TrainEnd end = train_run(parts_, *this, start_);
    finish(end);
    return end;
  } catch (const std::exception& error) {
    note_failure(error.what());
    throw;
  }
}

// Any rank's, for rank 0 hears no more of it than a signal. A start that was refused leaves the run
// as it was. What cannot be written must not hide why it failed: on a full disk, say.
void PretrainingRun::note_failure(const std::string& reason) {
  if (!recorded_) {
    if (directory_) directory_->forget_new();
    return;
  }
  try {
    if (directory_) return directory_->set_status(RunStatus::failed, reason);
    const std::string of_rank = fmt::format("rank {}: {}", parts_.communicator.rank(), reason);
    RunDirectory::note_status(parts_.loaded.config.run, RunStatus::failed, of_rank);
  } catch (const Error& error) {
    parts_.log.warning("STATUS was not brought up to date: {}", error.what());
  }
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
  share_kernel_choices(directory_ ? directory_->path() : std::filesystem::path(), parts_.control,
                       *parts_.setup.device);
}

void PretrainingRun::write_record() {
  recorded_ = true;
  if (!leads()) return;
  parts_.log.open_file(directory_->log_file(0).string());
  directory_->write_record({.config_input = parts_.loaded.input_text,
                            .config_resolved = resolved_yaml(parts_.loaded.config),
                            .command = parts_.command,
                            .environment = environment_of(parts_)});
  directory_->set_status(RunStatus::running, "");
}

void PretrainingRun::open_journal(const CheckpointState* resumed) {
  if (!leads()) return;
  const RunConfig& config = parts_.loaded.config;
  for (const std::string& line :
       training_banner(parts_.setup, parts_.communicator, directory_->path(), start_.step)) {
    parts_.log.info("{}", line);
  }
  journal_.emplace(
      RunJournal::Setting{
          .run_name = config.run.name,
          .directory = directory_->path(),
          .log = config.log,
          .total_steps = parts_.setup.plan.total_steps(),
          .samples = parts_.setup.train->size(),
          .next_sentence = parts_.setup.next_sentence(),
          .memory_total_gib =
              static_cast<double>(parts_.setup.device->info().memory_bytes) / (1u << 30)},
      resumed, parts_.log);
}

void PretrainingRun::step_done(const StepReport& report) {
  if (journal_) journal_->step_done(report);
}

void PretrainingRun::evaluate(const TrainState& state) {
  PretrainingSetup& setup = parts_.setup;
  if (!setup.valid) return;
  const Clock::time_point start = Clock::now();
  const PlannedPhase& phase = setup.plan.phases()[setup.plan.phase_of(state.step)];
  const EvaluationData data = setup.evaluation_data(phase);
  const PretrainingEvaluation evaluation =
      bertyard::evaluate(setup.objective, setup.batch, *setup.device, parts_.communicator, data);
  held_out_loss_ = evaluation.scores.mlm_loss;
  if (!journal_) return;
  if (!baselines_) {
    const auto counts =
        unigram_counts(setup.config.data.train, *setup.train, setup.model.vocab_size);
    baselines_ = compute_baselines(
        {data.source, data.masker, data.seed, data.sample_limit, data.max_length}, counts);
  }
  journal_->evaluated(state, evaluation, *baselines_, seconds_since(start));
}

void PretrainingRun::save(const TrainState& state) {
  if (leads()) {
    const Clock::time_point start = Clock::now();
    journal_->sync();
    const std::filesystem::path path =
        checkpoints_->save(directory_->checkpoints(), state, parts_.setup.plan.phase_of(state.step),
                           journal_->loss_log(), held_out_loss_);
    save_kernel_choices(directory_->path(), *parts_.setup.device);
    journal_->saved(state.step, path, seconds_since(start));
  }
  held_out_loss_.reset();
}

StopRequest PretrainingRun::stop_requested() {
  return StopSignals::requested();
}

void PretrainingRun::finish(TrainEnd end) {
  if (!leads()) return;
  journal_->finish();
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
