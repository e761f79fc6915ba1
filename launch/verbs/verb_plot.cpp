// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_plot.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "launch/plot/plot_runs.h"
#include "launch/plot/plot_svg.h"
#include "launch/plot/plot_terminal.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

void check_options(const PlotOptions& options) {
  if (!(options.smoothing >= 0 && options.smoothing < 1)) {
    throw UsageError(
        fmt::format("plot: smoothing is {}, expected 0 (none) to below 1", options.smoothing));
  }
}

// With the metric that is drawn where none was named.
PlotOptions with_metric(PlotOptions options) {
  if (options.metric.empty()) options.metric = usual_metric(plot_sources(options.runs));
  return options;
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

Plot plot_of(const PlotOptions& given) {
  check_options(given);
  require_svg_name(given.out, "--out");
  const PlotOptions options = with_metric(given);
  const PlotMetric metric = plot_metric(options.metric);
  const auto runs = read_plotted_runs(plot_sources(options.runs), options.metric, metric);
  Plot plot = make_plot(metric, runs, {options.x, options.smoothing});
  if (!drawable(plot)) {
    throw DataError(fmt::format("{}: '{}' holds no finite value; nothing to plot", options.runs[0],
                                options.metric));
  }
  return plot;
}

std::string plot_file(const PlotOptions& options) {
  if (!options.out.empty()) return options.out;
  std::string name = with_metric(options).metric;
  const auto unusual = [](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !plain && c != '_' && c != '-';
  };
  std::replace_if(name.begin(), name.end(), unusual, '_');
  return (run_directory_of(options.runs[0]) / "plots" / (name + ".svg")).string();
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
