// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/plot/plot_metric.h"
#include "launch/plot/plot_series.h"

namespace bertyard {

// One curve's files, each the metrics.jsonl of a run; of several the mean is drawn.
struct PlotSource {
  std::string name;
  std::vector<std::filesystem::path> files;
};

// What `runs` stand for: run directories or metrics.jsonl files; a fine-tuning is its cells, by
// what differs between them, or the mean over the seeds of each setting where there are more cells
// than colours. UsageError where there is none or more than can be told apart; DataError for no
// such run, or one without metrics.
std::vector<PlotSource> plot_sources(const std::vector<std::string>& runs);

// The first of loss_mlm, loss_lm and loss that the first run has.
std::string usual_metric(const std::vector<PlotSource>& sources);

// With the keys of metric_keys(). DataError where a run has nothing under `key`, which is what the
// user calls the metric, or holds no record yet.
std::vector<PlottedRun> read_plotted_runs(const std::vector<PlotSource>& sources,
                                          const std::string& key, const PlotMetric& metric);

// The run's own, or the directory that the file is in.
std::filesystem::path run_directory_of(const std::string& run);

}  // namespace bertyard
