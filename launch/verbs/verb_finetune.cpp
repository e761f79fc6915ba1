// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_finetune.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "launch/run/failure.h"
#include "launch/run/gpu_choice.h"
#include "launch/run/rank_log.h"
#include "launch/run/signals.h"
#include "launch/run/task_model_files.h"
#include "launch/run/thread_binding.h"
#include "launch/tasks/finetune_checks.h"
#include "launch/tasks/finetune_grid.h"
#include "launch/tasks/finetune_run.h"
#include "launch/verbs/build_info.h"
#include "launch/verbs/verb_predict.h"
#include "parallel/agreement.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// With the threshold of "no answer" that was best on the held-out questions, for predict and eval.
RunConfig tuned_config(RunConfig config, const CellResult& result) {
  for (const auto& [name, value] : result.figures) {
    if (name == kNullThreshold) config.task.null_threshold = value;
  }
  return config;
}

// The whole grid on one rank.
class Grid {
 public:
  // `end_job` ends all ranks, from any thread.
  Grid(const LoadedConfig& loaded, const FinetuneVerbOptions& options, const ProcessGroup& group,
       Logger& log, std::function<void(int exit_code)> end_job)
      : loaded_(loaded),
        options_(options),
        group_(group),
        log_(log),
        end_job_(std::move(end_job)) {}

  int run() {
    const RunConfig& config = loaded_.config;
    const FinetuneData data = open_finetune_data(config, log_);
    check_data(data);
    announce(data);
    const StopSignals signals;
    for (const FinetuneCell& cell : finetune_cells(config.finetune)) {
      const TrainEnd end = run_cell(cell, data);
      if (end == TrainEnd::requeue) return static_cast<int>(ExitCode::requeue);
      if (end == TrainEnd::terminated) return static_cast<int>(ExitCode::terminated);
    }
    if (leads()) report();
    return predict_test();
  }

 private:
  bool leads() const { return group_.communicator->rank() == 0; }
  fs::path directory() const {
    return fs::path(loaded_.config.run.directory) / loaded_.config.run.name;
  }

  void check_data(const FinetuneData& data) const {
    check_same_everywhere(*group_.control,
                          {{"training rows", hash_text(data.train->properties().identity)},
                           {"held-out rows", hash_text(data.valid->properties().identity)},
                           {"vocabulary", hash_text(data.vocabulary.hash())}});
  }

  void announce(const FinetuneData& data) {
    const auto line = [this](const TaskSet& set, const char* what) {
      log_.info("{}: {} examples, {} samples of {} tokens from {}; {} of them cut", what,
                set.examples().size(), set.size(), set.properties().tokens, set.properties().path,
                set.truncated());
    };
    line(*data.train, "training");
    line(*data.valid, "held out");
    const std::size_t cells = finetune_cells(loaded_.config.finetune).size();
    log_.info("{} labels, {} training(s), from {}", data.labels.size(), cells,
              data.start ? data.start->path : "random weights");
  }

  TrainEnd run_cell(const FinetuneCell& cell, const FinetuneData& data) {
    const fs::path path = directory() / cell.name();
    std::optional<CellResult> done;
    const bool anew = loaded_.config.checkpoint.resume == ResumeMode::never;
    if (leads() && !anew) done = read_cell_result(path / kResultFile, cell);
    if (done) check_origins(path, *done, data);
    const bool is_done = group_.control->agree_max("cell done", done ? 1 : 0) > 0;
    if (is_done) {
      if (done) {
        results_.push_back(*done);
        mend_task_file(*done, data);
      }
      log_.info("{}: done before", cell.name());
      return TrainEnd::finished;
    }
    setup_.reset();  // a GPU has room for one
    setup_ = std::make_unique<FinetuneSetup>(loaded_.config, cell, data,
                                             HostPlace{place_gpu(data.model), group_.local_size});
    FinetuneSetup& setup = *setup_;
    check_same_devices(*group_.control, setup.device->info(), setup.config.parallel.reduction);
    place_threads(setup.device->info());
    FinetuneRun run(
        {setup, *group_.communicator, setup.device_ranks.joined(*group_.communicator),
         *group_.control, log_, loaded_.input_text, options_.command, group_.hosts, end_job_},
        cell);
    const TrainEnd end = run.run();
    if (end == TrainEnd::finished && leads()) {
      results_.push_back(run.result());
      write_task_file(run.result(), data);
    }
    return end;
  }

  // The best one, or, where there are no scores, the last.
  fs::path kept_checkpoint(const CellResult& result) const {
    const bool scored = loaded_.config.distill.trains_head();
    return directory() / result.cell.name() / "checkpoints" / (scored ? "best" : "latest");
  }

  // A kill may have come between the result and the file.
  void mend_task_file(const CellResult& done, const FinetuneData& data) const {
    const fs::path kept = kept_checkpoint(done);
    if (fs::exists(kept) && !fs::exists(kept / kTaskFile)) write_task_file(done, data);
  }

  // What `predict` reads beside the weights.
  void write_task_file(const CellResult& result, const FinetuneData& data) const {
    const RunConfig config = cell_config(loaded_.config, result.cell, data);
    write_file_atomically(kept_checkpoint(result) / kTaskFile,
                          resolved_yaml(tuned_config(config, result)));
  }

  // What is done and not done again was made of the same.
  void check_origins(const fs::path& path, const CellResult& done, const FinetuneData& data) const {
    const std::vector<std::string> differences = setting_differences(
        done.made_from, cell_origins(cell_config(loaded_.config, done.cell, data), data));
    if (differences.empty()) return;
    throw UsageError(fmt::format(
        "{}: holds the result of another configuration ({}); go back to it, remove the directory, "
        "or give the run another run.name",
        path.string(), fmt::join(differences, "; ")));
  }

  // All cells have the same GPU,
  int place_gpu(const ModelConfig& model) {
    if (!gpu_) gpu_ = choose_gpu(device_config(loaded_.config, model), group_);
    return *gpu_;
  }

  // and the same threads.
  void place_threads(const DeviceInfo& device) {
    if (!threads_placed_.empty()) return;
    threads_placed_ = bind_threads(loaded_.config.parallel.bind, device, *group_.control);
    log_.info("{} rank(s) of {} thread(s), {}", group_.communicator->size(), device.threads,
              threads_placed_);
  }

  // The best cell's best checkpoint without the optimizer's state.
  void keep_best(const CellResult& best) const {
    const fs::path from = kept_checkpoint(best);
    const FileCalls calls;
    AtomicDirectory to(directory() / "best", calls);
    for (const char* name :
         {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", kTaskFile}) {
      std::error_code error;
      fs::copy_file(from / name, to.path() / name, error);
      if (error) {
        throw IoError(
            fmt::format("{}: cannot be copied: {}", (from / name).string(), error.message()));
      }
    }
    to.commit();
  }

  // `best` and the table are of this start's grid.
  void note_others() const {
    std::vector<std::string> others;
    for (const CellDirectory& cell : list_cells(directory())) {
      const std::string name = cell.path.filename().string();
      const bool ours =
          std::any_of(results_.begin(), results_.end(),
                      [&](const CellResult& result) { return result.cell.name() == name; });
      if (!ours && fs::exists(cell.path / kResultFile)) others.push_back(name);
    }
    if (others.empty()) return;
    log_.warning(
        "{} finished training(s) beside these take no part, for this grid does not have "
        "them: {}; name their values too, and they are compared without training again",
        others.size(), fmt::join(others, ", "));
  }

  void report() {
    note_others();
    const CellResult& best = best_cell(results_);
    keep_best(best);
    write_file_atomically(directory() / kGridFile, grid_json(results_, loaded_.config));
    if (!loaded_.config.distill.trains_head()) {
      fmt::print(
          "{}last: {}, step {}, no score: distill.soft and distill.hard are 0, so the task's "
          "head is not trained -> {}\n",
          grid_text(results_), best.cell.name(), best.step, (directory() / "best").string());
      return;
    }
    fmt::print("{}best: {}, step {}, {} {:.2f} -> {}\n", grid_text(results_), best.cell.name(),
               best.step, best.figures.front().first, 100 * best.figures.front().second,
               (directory() / "best").string());
  }

  // What the best model answers to task.test.
  int predict_test() {
    const RunConfig& config = loaded_.config;
    if (config.task.test.empty()) return static_cast<int>(ExitCode::ok);
    group_.control->agree_max("best model written", 0);
    PredictVerbOptions predicting;
    predicting.model = (directory() / "best").string();
    predicting.data = config.task.test;
    predicting.to = (directory() / "predictions").string();
    predicting.threads = config.parallel.threads;
    return predict(predicting, group_, log_);
  }

  const LoadedConfig& loaded_;
  const FinetuneVerbOptions& options_;
  const ProcessGroup& group_;
  Logger& log_;
  const std::function<void(int exit_code)> end_job_;
  std::vector<CellResult> results_;
  std::optional<int> gpu_;
  std::unique_ptr<FinetuneSetup> setup_;  // where it fails, until that is told
  std::string threads_placed_;
};

// Without label terms there is no score to choose by and no head to answer with.
void check_unscored(const RunConfig& config) {
  if (config.distill.trains_head()) return;
  const std::size_t cells = finetune_cells(config.finetune).size();
  if (cells > 1) {
    throw UsageError(fmt::format(
        "finetune: distill.soft and distill.hard are 0, so no score tells the {} trainings of the "
        "grid apart; give finetune.lr, batch, epochs and seeds one value each",
        cells));
  }
  if (!config.task.test.empty()) {
    throw UsageError(
        "task.test: distill.soft and distill.hard are 0, so no head is trained that could answer; "
        "remove it, or set one of them above 0");
  }
}

}  // namespace

bool is_finetuned(int exit_code) {
  return exit_code == static_cast<int>(ExitCode::ok) ||
         exit_code == static_cast<int>(ExitCode::data);
}

int run_finetune(const FinetuneVerbOptions& options, MpiEnvironment& environment) {
  LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"task.train"}, "finetune");
  if (loaded.config.task.kind == TaskKind::none) {
    throw UsageError(
        "task.kind is none; 'finetune' needs one of: classify, pair, regress, tag, qa");
  }
  if (loaded.config.watch.spike.rule == SpikeRule::rollback) {
    throw UsageError("optim.spike.rule: rollback is of 'train'; 'finetune' knows none and skip");
  }
  if (loaded.config.parallel.shard_optimizer) {
    throw UsageError(
        "parallel.shard_optimizer: true is of 'train'; 'finetune' keeps the whole optimizer state "
        "on every rank; set it to false");
  }
  check_unscored(loaded.config);
  refuse_replaced_keys(loaded, options.changes);
  const ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger(loaded.config.log, group.rank(), environment.host());
  settle_task_precision(loaded, log);
  check_same_everywhere(*group.control,
                        {{"configuration", hash_text(xxh3(resolved_yaml(loaded.config)))},
                         {"program", build_identity(), ItemOrigin::environment}});
  log.info("bertyard {} ({})", version_text(), git_revision());
  Grid grid(loaded, options, group, log,
            [&environment](int exit_code) { environment.end_job(exit_code); });
  try {
    return grid.run();
  } catch (const std::exception& error) {
    // Before the stack unwinds: a sum over the ranks may still be at work on the gradients.
    if (environment.size() > 1) report_failure(&environment, error);
    throw;
  }
}

}  // namespace bertyard
