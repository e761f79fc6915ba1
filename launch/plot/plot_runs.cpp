// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_runs.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "launch/config/config_suggestion.h"
#include "launch/config/grid_value.h"
#include "launch/run/finetune_layout.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostRuns = 8;  // colours that can be told apart
constexpr const char* kMetricsName = "metrics.jsonl";

std::string name_of(const std::string& run) {
  const fs::path absolute = fs::absolute(run_directory_of(run)).lexically_normal();
  const std::string name = absolute.has_filename() ? absolute.filename().string()
                                                   : absolute.parent_path().filename().string();
  return name.empty() ? run : name;
}

// The cells of a fine-tuning that have metrics.
std::vector<CellDirectory> plotted_cells(const std::string& run) {
  if (!fs::is_directory(run) || fs::exists(fs::path(run) / kMetricsName)) return {};
  std::vector<CellDirectory> cells = list_cells(run);
  std::erase_if(cells, [](const auto& cell) { return !fs::exists(cell.path / kMetricsName); });
  return cells;
}

// The part of a cell's setting that differs within its fine-tuning: "lr 0.001, seed 2".
class CellNames {
 public:
  explicit CellNames(const std::vector<CellDirectory>& cells) {
    for (const CellDirectory& entry : cells) {
      const std::vector<std::string> parts = parts_of(entry.cell);
      for (std::size_t i = 0; i < parts.size(); ++i) values_[i].insert(parts[i]);
    }
  }
  std::string setting(const FinetuneCell& cell) const { return text(cell, kSeed); }
  std::string cell(const FinetuneCell& cell) const { return text(cell, kSeed + 1); }

 private:
  static constexpr std::size_t kSeed = 3;

  static std::vector<std::string> parts_of(const FinetuneCell& cell) {
    return {"lr " + grid_value_text(cell.learning_rate), "batch " + grid_value_text(cell.batch),
            "epochs " + grid_value_text(cell.epochs), "seed " + grid_value_text(cell.seed)};
  }
  std::string text(const FinetuneCell& cell, std::size_t parts) const {
    const std::vector<std::string> all = parts_of(cell);
    std::vector<std::string> different;
    for (std::size_t i = 0; i < parts; ++i) {
      if (values_[i].size() > 1) different.push_back(all[i]);
    }
    return fmt::format("{}", fmt::join(different, ", "));
  }

  std::set<std::string> values_[kSeed + 1];
};

// `prefix`: the fine-tuning's name where others are drawn beside it.
std::vector<PlotSource> cell_sources(const std::vector<CellDirectory>& cells,
                                     const std::string& name, bool alone) {
  const CellNames names(cells);
  const auto named = [&](const std::string& own) {
    if (own.empty()) return name;
    return alone ? own : name + " " + own;
  };
  std::vector<PlotSource> sources;
  for (const CellDirectory& entry : cells) {
    const fs::path file = entry.path / kMetricsName;
    if (cells.size() <= kMostRuns) {
      sources.push_back({named(names.cell(entry.cell)), {file}});
      continue;
    }
    const std::string setting = named(names.setting(entry.cell));
    const auto known = std::ranges::find(sources, setting, &PlotSource::name);
    if (known != sources.end()) {
      known->files.push_back(file);
    } else {
      sources.push_back({setting, {file}});
    }
  }
  for (PlotSource& source : sources) {
    if (source.files.size() > 1) {
      source.name += fmt::format(" (mean of {} seeds)", source.files.size());
    }
  }
  return sources;
}

fs::path metrics_file(const std::string& run) {
  if (!fs::exists(run)) {
    throw DataError(
        fmt::format("{}: no such run; expected a run directory, such as runs/NAME", run));
  }
  if (!fs::is_directory(run)) return run;
  fs::path file = fs::path(run) / kMetricsName;
  if (!fs::exists(file)) {
    throw DataError(
        fmt::format("{}: there is no {} in it; it is no run directory, or its run had "
                    "log.jsonl: false or has not begun",
                    run, kMetricsName));
  }
  return file;
}

void require_metric(const std::string& key, const PlotMetric& metric, const std::string& file,
                    const RunMetrics& metrics) {
  if (metrics.rows.empty()) {
    throw DataError(fmt::format("{}: holds no train or eval record yet; nothing to plot", file));
  }
  const bool found = metrics.train_keys.contains(metric.train) ||
                     metrics.evaluation_keys.contains(metric.evaluation);
  if (found) return;
  std::vector<std::string> keys(metrics.train_keys.begin(), metrics.train_keys.end());
  keys.insert(keys.end(), metrics.evaluation_keys.begin(), metrics.evaluation_keys.end());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const auto nearest = nearest_name(key, keys);
  const std::string hint = nearest ? fmt::format("did you mean '{}'? It", *nearest) : "it";
  throw DataError(
      fmt::format("{}: no metric '{}'; {} has: {}", file, key, hint, fmt::join(keys, ", ")));
}

void check_count(std::size_t runs) {
  if (runs == 0) {
    throw UsageError("plot: no run given; name a run directory: bertyard plot runs/NAME");
  }
  if (runs > kMostRuns) {
    throw UsageError(
        fmt::format("plot: {} runs, at most {} can be told apart in one plot", runs, kMostRuns));
  }
}

}  // namespace

fs::path run_directory_of(const std::string& run) {
  const fs::path path = fs::path(run).lexically_normal();
  if (fs::is_directory(path)) return path.has_filename() ? path : path.parent_path();
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::vector<PlotSource> plot_sources(const std::vector<std::string>& runs) {
  check_count(runs.size());
  std::vector<PlotSource> sources;
  for (const std::string& run : runs) {
    const std::vector<CellDirectory> cells = plotted_cells(run);
    // Two runs of one name are told apart by what the user called them.
    const auto same = std::ranges::count_if(
        runs, [&](const std::string& other) { return name_of(other) == name_of(run); });
    const std::string name = same > 1 ? run : name_of(run);
    if (cells.empty()) {
      sources.push_back({name, {metrics_file(run)}});
    } else {
      std::ranges::move(cell_sources(cells, name, runs.size() == 1), std::back_inserter(sources));
    }
  }
  check_count(sources.size());
  return sources;
}

std::string usual_metric(const std::vector<PlotSource>& sources) {
  const RunMetrics metrics = read_metrics(sources.front().files.front(), {});
  for (const char* key : {"loss_mlm", "loss_lm"}) {
    const PlotMetric metric = plot_metric(key);
    if (metrics.train_keys.contains(metric.train) ||
        metrics.evaluation_keys.contains(metric.evaluation)) {
      return key;
    }
  }
  return metrics.train_keys.contains("loss") ? "loss" : "loss_mlm";
}

std::vector<PlottedRun> read_plotted_runs(const std::vector<PlotSource>& sources,
                                          const std::string& key, const PlotMetric& metric) {
  std::vector<PlottedRun> runs;
  for (const PlotSource& source : sources) {
    std::vector<RunMetrics> metrics;
    for (const fs::path& file : source.files) {
      metrics.push_back(read_metrics(file, metric_keys(metric)));
      require_metric(key, metric, file.string(), metrics.back());
    }
    runs.push_back({source.name, mean_metrics(std::move(metrics))});
  }
  return runs;
}

}  // namespace bertyard
