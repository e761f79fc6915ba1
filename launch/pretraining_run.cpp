// SPDX-License-Identifier: Apache-2.0
#include "launch/pretraining_run.h"

#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/hash.h"
#include "data/manifest.h"
#include "launch/signals.h"
#include "launch/training_banner.h"
#include "train/checkpoint_store.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What decides the bits of a run beside its configuration: design, 4.5.
std::map<std::string, std::string> environment_of(const Device& device, int ranks) {
  const DeviceInfo info = device.info();
  return {{"ranks", std::to_string(ranks)},
          {"threads", std::to_string(info.threads)},
          {"instruction_set", info.instruction_set},
          {"libraries", info.libraries}};
}

// The configuration's identity and the data's: paths may change, what lies behind them may not.
std::map<std::string, std::string> settings_of(const RunConfig& config,
                                               const PretrainingSetup& setup) {
  std::map<std::string, std::string> settings = run_identity(config);
  settings["vocabulary hash"] = hash_text(setup.vocabulary.hash());
  settings["training samples"] = std::to_string(setup.train->size());
  settings["training tokens"] = std::to_string(setup.train->properties().tokens);
  return settings;
}

}  // namespace

PretrainingRun::PretrainingRun(const Parts& parts) : parts_(parts) {}
PretrainingRun::~PretrainingRun() = default;

TrainEnd PretrainingRun::run() {
  open_directory();
  try {
    const std::optional<Checkpoint> resumed = restore();
    open_journal(resumed ? &*resumed : nullptr);
    const TrainEnd end = train(start_);
    finish(end);
    return end;
  } catch (const std::exception& error) {
    if (directory_) directory_->set_status(RunStatus::failed, error.what());
    throw;
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
  parts_.setup.memory.allocate(*parts_.setup.device);
  checkpoints_.emplace(checkpoint_setting(id), *parts_.setup.device,
                       parts_.setup.objective.parameters(), parts_.setup.optimizer);
  if (!leads()) return;
  parts_.log.open_file(directory_->log_file(0).string());
  directory_->write_record(
      {.config_input = parts_.loaded.input_text,
       .config_resolved = resolved_yaml(config),
       .command = parts_.command,
       .environment = environment_of(*parts_.setup.device, parts_.communicator.size())});
  directory_->set_status(RunStatus::running, "");
}

RunCheckpoints::Setting PretrainingRun::checkpoint_setting(const std::string& run_id) const {
  const RunConfig& config = parts_.loaded.config;
  RunCheckpoints::Setting setting;
  setting.model = parts_.setup.model;
  setting.vocabulary = parts_.setup.vocabulary.text();
  setting.tokenizer = config.tokenizer.options;
  setting.options = config.checkpoint;
  setting.identity.run_id = run_id;
  setting.identity.resolved_config = resolved_yaml(config);
  setting.identity.settings = settings_of(config, parts_.setup);
  setting.identity.environment = environment_of(*parts_.setup.device, parts_.communicator.size());
  return setting;
}

std::optional<Checkpoint> PretrainingRun::restore() {
  std::string path;
  std::optional<Checkpoint> checkpoint;
  if (leads()) {
    remove_checkpoint_leftovers(directory_->checkpoints());
    checkpoint = directory_->resume_point(parts_.loaded.config.checkpoint, parts_.log);
    if (checkpoint) path = checkpoint->path().string();
  }
  path = parts_.control.broadcast_string("checkpoint to resume from", path);
  if (path.empty()) {
    initialize_weights(parts_.setup);
    return std::nullopt;
  }
  if (!checkpoint) checkpoint = Checkpoint::read(path);
  const RunCheckpoints::Restored restored = checkpoints_->restore(*checkpoint);
  start_ = restored.state;
  if (leads() && !restored.environment_differences.empty()) {
    parts_.log.warning(
        "the run goes on in another environment ({}); its numbers will differ from an "
        "uninterrupted run's by rounding",
        fmt::join(restored.environment_differences, "; "));
  }
  return checkpoint;
}

void PretrainingRun::open_journal(const Checkpoint* resumed) {
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
      resumed != nullptr ? &resumed->state() : nullptr, parts_.log);
}

TrainEnd PretrainingRun::train(const TrainState& start) {
  const StopSignals signals;
  PretrainingSetup& setup = parts_.setup;
  const RunConfig& config = setup.config;
  const auto open_stream = [&](const PlannedPhase& phase, std::uint64_t index) {
    const BatchStreamOptions options =
        setup.stream_options(phase, index, parts_.communicator.rank(), parts_.communicator.size());
    return std::make_unique<BatchStream>(*setup.train, setup.masker ? &*setup.masker : nullptr,
                                         options);
  };
  Trainer trainer(
      {*setup.device, parts_.communicator, setup.objective, setup.optimizer, setup.batch, *this},
      setup.plan,
      {.schedule = setup.schedule(),
       .bucket_bytes = static_cast<std::int64_t>(config.parallel.bucket_bytes),
       .checkpoint_every = config.checkpoint.every,
       .evaluate_every = config.eval.every},
      open_stream);
  return trainer.run(start);
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
