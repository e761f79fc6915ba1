// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/plot.h"
#include "launch/plot_metric.h"
#include "launch/plot_metrics.h"

namespace bertyard {

enum class PlotAxis { step, tokens, hours };

// A run whose metrics were read with the keys of metric_keys(), in this order.
struct PlottedRun {
  std::string name;
  RunMetrics metrics;
};
std::vector<std::string> metric_keys(const PlotMetric& metric);

struct PlotStyle {
  PlotAxis x = PlotAxis::step;
  // Weight of what came before in the exponential mean of the train curve, from 0 (none) to
  // below 1.
  double smoothing = 0;
};

// The curves of one metric, of one run or several: train, held out, baseline.
Plot make_plot(const PlotMetric& metric, const std::vector<PlottedRun>& runs,
               const PlotStyle& style);

// m_i = w m_(i-1) + (1 - w) x_i, divided by 1 - w^i so that the first values count in full.
std::vector<PlotPoint> smoothed(const std::vector<PlotPoint>& points, double weight);

}  // namespace bertyard
