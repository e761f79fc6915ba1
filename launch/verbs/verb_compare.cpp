// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_compare.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "launch/run/rank_log.h"
#include "launch/run/signals.h"
#include "launch/tasks/comparison_config.h"
#include "launch/tasks/comparison_results.h"
#include "launch/tasks/finetune_checks.h"
#include "launch/verbs/build_info.h"
#include "launch/verbs/verb_finetune.h"
#include "launch/verbs/verb_prepare.h"
#include "launch/verbs/verb_train.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// One fine-tuning of one system: what it is called for and its configuration.
struct Cell {
  ConfigRequest request;
  LoadedConfig loaded;
  fs::path directory;
};
struct System {
  const ComparedSystem& compared;
  ConfigRequest pretrain_request;
  std::optional<LoadedConfig> pretrain;
  std::string model;  // directory; empty: random weights
  std::vector<Cell> cells;
};

// The whole comparison on one rank.
class ComparisonRun {
 public:
  ComparisonRun(const CompareVerbOptions& options, MpiEnvironment& environment)
      : options_(options), environment_(environment), comparison_(load_comparison(options.path)) {
    for (const std::string& path : comparison_.tasks) add_task(path);
    for (const ComparedSystem& system : comparison_.systems) add_system(system);
  }

  int run() {
    const StopSignals signals;  // every stage listens, and so does what is between them
    group_ = environment_.make_process_group();
    check_same_everywhere(*group_.control,
                          {{"configuration", hash_text(xxh3(everything()))},
                           {"program", build_identity(), ItemOrigin::environment}});
    Logger log = rank_logger({}, group_.rank(), environment_.host());
    log_ = &log;
    if (options_.form == CompareForm::run) {
      for (const System& system : systems_) {
        if (const int code = run_system(system); code != 0) return code;
      }
    }
    if (leads()) report();
    if (unanswered_.empty()) return static_cast<int>(ExitCode::ok);
    log_->error("rows of task.test have no answer, named above, in {}; the table is whole",
                fmt::join(unanswered_, ", "));
    return static_cast<int>(ExitCode::data);
  }

 private:
  bool leads() const { return group_.rank() == 0; }
  fs::path directory() const { return fs::path(comparison_.run.directory) / comparison_.run.name; }

  // A task is called as its configuration's run.
  void add_task(const std::string& path) {
    const LoadedConfig loaded = load_config({path, {}, options_.overrides});
    require_keys(loaded, {"task.train"}, "compare");
    if (loaded.config.task.kind == TaskKind::none) {
      throw UsageError(
          fmt::format("{}: task.kind is none; a task of a comparison is a "
                      "configuration for `finetune`",
                      path));
    }
    const std::string& name = loaded.config.run.name;
    if (std::find(tasks_.begin(), tasks_.end(), name) != tasks_.end()) {
      throw UsageError(fmt::format(
          "{}: its run.name is {}, as that of another task; give one of them another", path, name));
    }
    tasks_.push_back(name);
  }

  void add_system(const ComparedSystem& compared) {
    System system{compared, {}, {}, compared.from, {}};
    if (!compared.pretrain.empty()) {
      system.pretrain_request = {compared.pretrain, {}, options_.overrides};
      system.pretrain = load_config(system.pretrain_request);
      require_keys(*system.pretrain, {"tokenizer.vocab", "data.train"}, "compare");
      const RunOptions& run = system.pretrain->config.run;
      system.model = (fs::path(run.directory) / run.name).string();
    }
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
      system.cells.push_back(cell_of(system, task));
    }
    systems_.push_back(std::move(system));
  }

  Cell cell_of(const System& system, std::size_t task) const {
    const std::string name = fmt::format("{}/{}/{}", comparison_.run.name,
                                         system.compared.directory_name(), tasks_[task]);
    ConfigRequest request{comparison_.tasks[task], {}, comparison_.changes};
    const auto append = [&request](const std::vector<ConfigOverride>& changes) {
      request.overrides.insert(request.overrides.end(), changes.begin(), changes.end());
    };
    append(system.compared.changes);
    append(options_.overrides);
    for (const std::string& own :
         {"run.dir=" + comparison_.run.directory, "run.name=" + name,
          "model.from=" + (system.model.empty() ? "null" : system.model),
          fmt::format("finetune.seeds=[{}]", fmt::join(comparison_.seeds, ","))}) {
      request.overrides.push_back({own, 0, options_.path});
    }
    LoadedConfig loaded = load_config(request);
    refuse_replaced_keys(loaded, ChangesOf::files);
    if (system.model.empty() && loaded.config.tokenizer.vocab.empty()) {
      throw UsageError(fmt::format(
          "system {}: random weights need a vocabulary; add tokenizer.vocab=FILE to its set",
          system.compared.name));
    }
    if (!loaded.config.distill.trains_head()) {
      throw UsageError(
          fmt::format("system {}: its distill.soft and distill.hard are 0, so its fine-tuning has "
                      "no score to compare; set one of them above 0",
                      system.compared.name));
    }
    return {std::move(request), std::move(loaded), fs::path(comparison_.run.directory) / name};
  }

  std::string everything() const {
    std::string text;
    for (const System& system : systems_) {
      text += system.compared.name;
      if (system.pretrain) text += resolved_yaml(system.pretrain->config);
      for (const Cell& cell : system.cells) text += resolved_yaml(cell.loaded.config);
    }
    return text;
  }

  // Rank 0 looks, all do the same.
  template <typename Question>
  bool agreed(const char* what, Question question) const {
    return group_.control->agree_max(what, leads() && question() ? 1 : 0) > 0;
  }

  // The exit code of a stop that a rank was asked for; 0: go on.
  int stop_code() const {
    switch (static_cast<StopRequest>(
        group_.control->agree_max("stop", static_cast<std::int64_t>(StopSignals::requested())))) {
      case StopRequest::none:
        break;
      case StopRequest::requeue:
        return static_cast<int>(ExitCode::requeue);
      case StopRequest::terminate:
        return static_cast<int>(ExitCode::terminated);
    }
    return static_cast<int>(ExitCode::ok);
  }

  int run_system(const System& system) {
    const std::string& name = system.compared.name;
    if (const int code = stop_code(); code != 0) return code;
    if (system.pretrain) {
      const RunConfig& config = system.pretrain->config;
      if (agreed("pre-training done", [&] { return is_pretrained(config); })) {
        log_->info("{}: pre-trained before, {}", name, system.model);
      } else if (const int code = pretrain(system); code != 0) {
        return code;
      }
    }
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
      const Cell& cell = system.cells[task];
      const bool done = agreed("fine-tuning done", [&] {
        claim_directory(cell.directory, origins_of(cell.loaded.config, DataNeed::required));
        return read_finetune_scores(cell.directory, cell.loaded.config).has_value();
      });
      if (const int stopped = stop_code(); stopped != 0 && !done) return stopped;
      log_->info("{}, {}: {}", name, tasks_[task], done ? "done before" : "fine-tuning");
      // Answers to task.test are made again: a kill may have come between the scores and them.
      if (done && cell.loaded.config.task.test.empty()) continue;
      const int code =
          run_finetune({cell.request, options_.command, ChangesOf::files}, environment_);
      if (!is_finetuned(code)) return code;
      if (code != 0) unanswered_.push_back(cell.directory.string());
    }
    return 0;
  }

  int pretrain(const System& system) {
    const RunConfig& config = system.pretrain->config;
    const bool prepared = agreed("samples there", [&] { return fs::exists(config.data.train); });
    if (!prepared) {
      log_->info("{}: preparing {}", system.compared.name, config.data.train);
      const int code = run_prepare({system.pretrain_request}, environment_);
      if (code != 0) return code;
      if (const int stopped = stop_code(); stopped != 0) return stopped;
    }
    log_->info("{}: pre-training {}", system.compared.name, system.model);
    return run_train({system.pretrain_request, options_.command}, environment_);
  }

  // Whether there is a model to fine-tune, so that there may be results.
  static bool is_ready(const System& system) {
    if (system.pretrain) return is_pretrained(system.pretrain->config);
    if (!system.model.empty()) return fs::exists(system.model);
    return fs::exists(system.cells.front().loaded.config.tokenizer.vocab);
  }

  ComparisonTable table() const {
    ComparisonTable table;
    table.seeds = comparison_.seeds;
    for (const std::string& task : tasks_) table.tasks.push_back({task, "", ""});
    for (const System& system : systems_) {
      ComparisonTable::Row row{system.compared.name, {}, {}};
      const bool is_there = is_ready(system);
      if (is_there) row.facts = system_facts(system.model, system.cells.front().loaded.config);
      for (std::size_t task = 0; task < tasks_.size(); ++task) {
        row.scores.emplace_back();
        if (!is_there) continue;
        const Cell& cell = system.cells[task];
        const bool own =
            is_claimed_by(cell.directory, origins_of(cell.loaded.config, DataNeed::optional));
        const auto found = own ? read_finetune_scores(cell.directory, cell.loaded.config)
                               : std::optional<FinetuneScores>();
        if (!found) continue;
        table.tasks[task].metric = found->metric;
        table.tasks[task].glue = cell.loaded.config.task.name;  // of use where a score has glue
        row.scores.back() = found->score;
      }
      table.rows.push_back(std::move(row));
    }
    return table;
  }

  void report() const {
    const ComparisonTable all = table();
    fmt::print("{}", comparison_text(all));
    make_directories(directory());
    for (const auto& [name, text] : {std::pair{"comparison.md", comparison_markdown(all)},
                                     std::pair{"comparison.json", comparison_json(all)}}) {
      write_file_atomically(directory() / name, text);
      fmt::print("{}\n", (directory() / name).string());
    }
  }

  const CompareVerbOptions& options_;
  MpiEnvironment& environment_;
  const Comparison comparison_;
  std::vector<std::string> tasks_;
  std::vector<System> systems_;
  std::vector<std::string> unanswered_;  // fine-tunings with rows of task.test that have no answer
  ProcessGroup group_;
  Logger* log_ = nullptr;
};

}  // namespace

int run_compare(const CompareVerbOptions& options, MpiEnvironment& environment) {
  return ComparisonRun(options, environment).run();
}

}  // namespace bertyard
