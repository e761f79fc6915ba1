// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/plot/plot_series.h"

namespace bertyard {

enum class PlotForm { svg, terminal, ascii };

struct PlotOptions {
  std::vector<std::string> runs;  // run directories, fine-tunings, or metrics.jsonl files
  std::string metric;             // any key of metrics.jsonl; empty: usual_metric()
  PlotAxis x = PlotAxis::step;
  std::string out;  // SVG file; empty: plots/METRIC.svg in the first run, and none in a terminal
  PlotForm form = PlotForm::svg;
  double smoothing = 0.6;  // of the train curve: 0 (none) to below 1
};

// `bertyard plot`: train curve, held-out points and baseline of one run or several, as an SVG file
// or in the terminal.
int run_plot(const PlotOptions& options);

// What it draws, and where the SVG file goes. Errors: UsageError (no run, too many, smoothing out
// of range), DataError (no such run, no metrics, no such metric).
Plot plot_of(const PlotOptions& options);
std::string plot_file(const PlotOptions& options);

}  // namespace bertyard
