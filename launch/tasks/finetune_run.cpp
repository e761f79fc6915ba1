// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/finetune_run.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "launch/config/config.h"
#include "launch/run/failure.h"
#include "launch/run/injected_faults.h"
#include "launch/run/kernel_choices.h"
#include "launch/run/resume_choice.h"
#include "launch/run/signals.h"
#include "launch/run/task_model_files.h"
#include "launch/tasks/finetune_checks.h"
#include "launch/tasks/task_products.h"
#include "train/journal/console.h"
#include "train/tasks/task_evaluation.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// The first of the best: more training that gains nothing is not worth it.
const ScoredStep* best_of(const std::vector<ScoredStep>& history) {
  const auto best =
      std::max_element(history.begin(), history.end(),
                       [](const auto& a, const auto& b) { return a.score < b.score; });
  return best == history.end() ? nullptr : &*best;
}

}  // namespace

FinetuneRun::FinetuneRun(const FinetuneParts& parts, const FinetuneCell& cell)
    : communicator_(parts.communicator, pulse_),
      devices_(parts.devices, pulse_),
      parts_{parts.setup,      communicator_, devices_,    parts.control, parts.log,
             parts.input_text, parts.command, parts.hosts, parts.end_job} {
  result_.cell = cell;
  result_.made_from = cell_origins(parts.setup.config, parts.setup.data);
}

TrainEnd FinetuneRun::run() {
  open_directory();
  try {
    start_watch();
    restore();
    (void)parts_.control.agree_max("the start of fine-tuning", 0);  // nobody refuses it any more
    watch_->record(parts_.log);
    const TrainEnd end = converged() || start_.step >= parts_.setup.plan.total_steps()
                             ? TrainEnd::finished
                             : train();
    parts_.setup.device_ranks.disconnect();
    finish(end);
    return end;
  } catch (const std::exception& error) {
    note_failed_run(directory_ ? &*directory_ : nullptr, parts_.setup.config.run,
                    parts_.communicator.rank(), error.what(), parts_.log);
    throw;
  }
}

void FinetuneRun::open_directory() {
  const RunConfig& config = parts_.setup.config;
  std::string id;
  if (leads()) {
    directory_.emplace(RunDirectory::open(config.run, config.checkpoint.resume, parts_.log));
    id = directory_->id();
  }
  id = parts_.control.broadcast_string("run id", id);
  FinetuneSetup& setup = parts_.setup;
  setup.memory.allocate(*setup.device);
  setup.load_teacher();
  setup.kernel_choices =
      share_kernel_choices(kernel_choices_file(config.run), parts_.control, *setup.device,
                           parts_.log, [&setup] { meet_products(setup); });
  checkpoints_.emplace(RunCheckpoints::Setting{.model = setup.data.model,
                                               .vocabulary = setup.data.vocabulary.text(),
                                               .tokenizer = setup.data.tokenizer,
                                               .options = config.checkpoint,
                                               .head = setup.head,
                                               .identity = identity(id)},
                       *setup.device, setup.objective.parameters(), setup.optimizer);
}

void FinetuneRun::start_watch() {
  const RunConfig& config = parts_.setup.config;
  watch_.emplace(RunWatch::Setting{.run = fs::path(config.run.directory) / config.run.name,
                                   .limit = config.watch.limit,
                                   .slow_limit = config.watch.slow_limit,
                                   .hosts = parts_.hosts,
                                   .end = parts_.end_job},
                 parts_.control, pulse_);
}

std::map<std::string, std::string> FinetuneRun::environment() const {
  const FinetuneSetup& setup = parts_.setup;
  return computing_environment(setup.device->info(), setup.kernel_choices, setup.config.parallel,
                               parts_.hosts);
}

CheckpointState FinetuneRun::identity(const std::string& run_id) const {
  const FinetuneSetup& setup = parts_.setup;
  CheckpointState state;
  state.run_id = run_id;
  state.resolved_config = resolved_yaml(setup.config);
  state.settings = result_.made_from;
  state.environment = environment();
  return state;
}

void FinetuneRun::restore() {
  const RunConfig& config = parts_.setup.config;
  const std::optional<Checkpoint> checkpoint = agree_on_checkpoint(
      {parts_.control, parts_.log}, config.checkpoint, directory_ ? &*directory_ : nullptr);
  if (!checkpoint) {
    parts_.setup.initialize_weights();
  } else {
    const RunCheckpoints::Restored restored = checkpoints_->restore(*checkpoint);
    start_ = restored.state;
    resumed_ = checkpoint->state();
    if (!restored.environment_differences.empty()) {
      const std::string differences =
          fmt::format("{}", fmt::join(restored.environment_differences, "; "));
      if (config.parallel.reduction == Reduction::ordered) {
        throw DataError(
            fmt::format("{}: ordered reduction promises the same bits, but the "
                        "environment is another one ({}); go back to it, or set "
                        "parallel.reduction to fast",
                        checkpoint->path().string(), differences));
      }
      if (leads()) parts_.log.warning("the run goes on in another environment ({})", differences);
    }
  }
  if (leads() && resumed_) directory_->prepare_resume(*resumed_, parts_.log);
  restore_history(start_.step);
  if (!leads()) return;
  directory_->write_record({.config_input = parts_.input_text,
                            .config_resolved = resolved_yaml(config),
                            .command = parts_.command,
                            .environment = environment()});
  save_kernel_choices(kernel_choices_file(config.run), parts_.setup.kernel_choices, parts_.log);
  directory_->set_status(RunStatus::running, "");
  journal_.emplace(FinetuneJournal::Setting{.run_name = config.run.name,
                                            .directory = directory_->path(),
                                            .log = config.log,
                                            .total_steps = parts_.setup.plan.total_steps(),
                                            .samples = parts_.setup.data.train->size(),
                                            .counts_tokens = config.task.kind == TaskKind::tag,
                                            .counts_right = config.task.kind != TaskKind::regress &&
                                                            !has_crf(config),
                                            .distill = config.distill},
                   resumed_ ? &*resumed_ : nullptr, parts_.log);
}

// Rank 0's lines up to the step of the checkpoint, on every rank.
void FinetuneRun::restore_history(std::int64_t step) {
  std::string text;
  if (leads() && fs::exists(directory_->path() / kHistoryFile)) {
    text = read_file(directory_->path() / kHistoryFile);
  }
  std::istringstream lines(parts_.control.broadcast_string("evaluations so far", text));
  for (std::string line; std::getline(lines, line);) {
    ScoredStep scored;
    char* at = nullptr;
    scored.step = std::strtoll(line.c_str(), &at, 10);
    scored.loss = std::strtod(at, &at);
    scored.score = std::strtod(at, &at);
    if (scored.step > 0 && scored.step <= step) history_.push_back(scored);
  }
}

std::string FinetuneRun::history_text() const {
  std::string text;
  for (const ScoredStep& scored : history_) {
    text += fmt::format("{} {:a} {:a}\n", scored.step, scored.loss, scored.score);
  }
  return text;
}

TrainEnd FinetuneRun::train() {
  FinetuneSetup& setup = parts_.setup;
  const auto open_stream = [&](const PlannedPhase& phase, std::uint64_t index) {
    return std::make_unique<BatchStream>(
        *setup.data.train, nullptr,
        setup.stream_options(phase, index, parts_.communicator.rank(), parts_.communicator.size()));
  };
  const auto reduction =
      setup.device_ranks.make_reduction(parts_.devices, setup.objective.parameters());
  const std::unique_ptr<Objective> captured =
      setup.device_ranks.captured(setup.objective, parts_.communicator.size());
  Objective& plain = captured ? *captured : static_cast<Objective&>(setup.objective);
  std::unique_ptr<Objective> faulty;
  if (const auto fault = fault_of(parts_.communicator.rank())) {
    faulty = with_fault(plain, *setup.device, pulse_, *fault);
  }
  Objective& objective = faulty ? *faulty : plain;
  Trainer trainer({*setup.device, parts_.communicator, *reduction, objective, setup.optimizer,
                   setup.batch, *this, &pulse_},
                  setup.plan,
                  {.schedule = setup.schedule(),
                   .checkpoint_every = setup.config.checkpoint.every,
                   .evaluate_every = {setup.evaluate_every(), 0},
                   .watch = setup.config.watch,
                   .save_evaluated = true},
                  open_stream);
  return trainer.run(start_);
}

void FinetuneRun::step_done(const StepReport& report) {
  result_.seconds = report.state.seconds;
  if (journal_) journal_->step_done(report);
}

void FinetuneRun::evaluate(const TrainState& state) {
  FinetuneSetup& setup = parts_.setup;
  if (!setup.config.distill.trains_head()) return keep_last(state);
  const TaskSet& valid = *setup.data.valid;
  const TaskOutputs outputs =
      run_task(setup.objective, setup.batch, *setup.device, parts_.communicator, valid,
               setup.plan.phases().front().capacities, &pulse_);
  const CrfTable crf = crf_table(setup.objective.parameters());
  const TaskPredictions predictions = predict_task(valid, setup.config.task, outputs, crf);
  const TaskScores scores = score_task(valid, setup.config.task, predictions);
  const ScoredStep* before = best_of(history_);
  const bool best = before == nullptr || scores.main() > before->score;
  if (best) {
    result_.step = state.step;
    result_.loss = outputs.loss;
    result_.figures = scores.figures;
  }
  history_.push_back({state.step, outputs.loss, scores.main()});
  new_score_ = scores.main();
  if (!leads()) return;
  write_file_atomically(directory_->path() / kHistoryFile, history_text());
  if (best) write_file_atomically(directory_->path() / kBestSoFarFile, cell_result_text(result_));
  journal_->evaluated(state, outputs.loss, scores, best);
}

void FinetuneRun::keep_last(const TrainState& state) {
  result_.step = state.step;
  result_.loss = std::nan("");
  result_.figures = {{"score", std::nan("")}};
  history_.push_back({state.step, result_.loss, result_.loss});
  if (!leads()) return;
  write_file_atomically(directory_->path() / kHistoryFile, history_text());
  write_file_atomically(directory_->path() / kBestSoFarFile, cell_result_text(result_));
}

double FinetuneRun::loss_of(const StepReport& report) const {
  return parts_.setup.objective.loss(report.sums, report.counts);
}

bool FinetuneRun::converged() const {
  const int patience = parts_.setup.config.finetune.early_stopping;
  const ScoredStep* best = best_of(history_);
  const bool scored = parts_.setup.config.distill.trains_head();
  if (patience == 0 || best == nullptr || !scored) return false;
  return &history_.back() - best >= patience;
}

// The store keeps the checkpoint of the lowest held-out loss: here the score with its sign turned.
void FinetuneRun::save(const TrainState& state) {
  if (leads()) {
    std::optional<HeldOut> held_out;
    if (new_score_) held_out = HeldOut{-*new_score_, state.step};
    journal_->flush();
    checkpoints_->take(snapshot_, state, 0, journal_->loss_log(), held_out);
    journal_->sync();
    const FileCalls calls;
    const auto written = checkpoints_->write(directory_->checkpoints(), snapshot_, calls);
    if (!written.warning.empty()) parts_.log.warning("{}", written.warning);
    journal_->saved(state.step, written.path);
  }
  new_score_.reset();
}

StopRequest FinetuneRun::stop_requested() {
  return StopSignals::requested();
}

void FinetuneRun::finish(TrainEnd end) {
  if (!leads()) return;
  journal_->finish();
  journal_->flush();
  journal_->sync();
  if (end == TrainEnd::requeue) {
    return directory_->set_status(RunStatus::stopped, "USR1 or USR2, after a checkpoint");
  }
  if (end == TrainEnd::terminated) {
    return directory_->set_status(RunStatus::stopped, "TERM or INT, after a checkpoint");
  }
  if (result_.figures.empty()) {  // all was done before this start
    const fs::path file = directory_->path() / kBestSoFarFile;
    const std::optional<CellResult> best = read_cell_result(file, result_.cell);
    if (!best) {
      throw DataError(
          fmt::format("{}: expected what the best step reached, found no such thing; remove {} and "
                      "train again",
                      file.string(), directory_->path().string()));
    }
    result_.figures = best->figures;
    result_.step = best->step;
    result_.loss = best->loss;
  }
  result_.steps = history_.back().step;
  if (result_.seconds == 0) result_.seconds = start_.seconds;
  write_file_atomically(directory_->path() / kResultFile, cell_result_text(result_));
  directory_->set_status(RunStatus::done, "");
}

}  // namespace bertyard
