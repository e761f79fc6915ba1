// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_plot.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "launch/config_suggestion.h"
#include "launch/plot_svg.h"
#include "launch/plot_terminal.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostRuns = 8;  // colours that can be told apart
constexpr const char* kMetricsName = "metrics.jsonl";

void check_options(const PlotOptions& options) {
  if (options.runs.empty()) {
    throw UsageError("plot: no run given; name a run directory: bertyard plot runs/NAME");
  }
  if (options.runs.size() > kMostRuns) {
    throw UsageError(fmt::format("plot: {} runs, at most {} can be told apart in one plot",
                                 options.runs.size(), kMostRuns));
  }
  if (!(options.smoothing >= 0 && options.smoothing < 1)) {
    throw UsageError(
        fmt::format("plot: smoothing is {}, expected 0 (none) to below 1", options.smoothing));
  }
}

fs::path directory_of(const std::string& run) {
  const fs::path path = fs::path(run).lexically_normal();
  if (fs::is_directory(path)) return path.has_filename() ? path : path.parent_path();
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
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

std::string name_of(const std::string& run) {
  const fs::path absolute = fs::absolute(directory_of(run)).lexically_normal();
  const std::string name = absolute.has_filename() ? absolute.filename().string()
                                                   : absolute.parent_path().filename().string();
  return name.empty() ? run : name;
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

std::vector<PlottedRun> read_runs(const PlotOptions& options, const PlotMetric& metric) {
  std::vector<PlottedRun> runs;
  for (const std::string& run : options.runs) {
    const fs::path file = metrics_file(run);
    RunMetrics metrics = read_metrics(file, metric_keys(metric));
    require_metric(options.metric, metric, file.string(), metrics);
    runs.push_back({name_of(run), std::move(metrics)});
  }
  // Two runs of one name are told apart by what the user called them.
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto same = std::count_if(options.runs.begin(), options.runs.end(), [&](const auto& run) {
      return name_of(run) == name_of(options.runs[i]);
    });
    if (same > 1) runs[i].name = options.runs[i];
  }
  return runs;
}

bool drawable(const Plot& plot) {
  return std::any_of(plot.series.begin(), plot.series.end(), [](const PlotSeries& series) {
    return series.style != SeriesStyle::baseline;
  });
}

void write_svg(const PlotOptions& options, const Plot& plot) {
  const fs::path file = plot_file(options);
  if (file.has_parent_path()) make_directories(file.parent_path());
  write_file_atomically(file, plot_svg(plot));
  fmt::print("{}: {}\n", file.string(), plot.title);
}

}  // namespace

Plot plot_of(const PlotOptions& options) {
  check_options(options);
  const PlotMetric metric = plot_metric(options.metric);
  Plot plot = make_plot(metric, read_runs(options, metric), {options.x, options.smoothing});
  if (!drawable(plot)) {
    throw DataError(fmt::format("{}: '{}' holds no finite value; nothing to plot", options.runs[0],
                                options.metric));
  }
  return plot;
}

std::string plot_file(const PlotOptions& options) {
  if (!options.out.empty()) return options.out;
  std::string name = options.metric;
  const auto unusual = [](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !plain && c != '_' && c != '-';
  };
  std::replace_if(name.begin(), name.end(), unusual, '_');
  return (directory_of(options.runs[0]) / "plots" / (name + ".svg")).string();
}

int run_plot(const PlotOptions& options) {
  const Plot plot = plot_of(options);
  if (options.form != PlotForm::svg) {
    const auto glyphs = options.form == PlotForm::ascii ? PlotGlyphs::ascii : PlotGlyphs::braille;
    fmt::print("{}", plot_text(plot, terminal_form(glyphs)));
  }
  if (options.form == PlotForm::svg || !options.out.empty()) write_svg(options, plot);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
