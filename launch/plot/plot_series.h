// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/plot/plot.h"
#include "launch/plot/plot_metric.h"
#include "launch/plot/plot_metrics.h"

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
  // smoothed()'s weight for a train curve of 250 points, from 0 (none) to below 1; it reaches as
  // far across the plot whatever the number of points.
  double smoothing = 0;
};

// The curves of one metric, of one run or several: train, held out, baseline.
Plot make_plot(const PlotMetric& metric, const std::vector<PlottedRun>& runs,
               const PlotStyle& style);

// y_i = sum_j w^|i-j| x_j / sum_j w^|i-j|: looks both ways, so the curve does not lag behind.
// Points that are not finite are left out.
std::vector<PlotPoint> smoothed(const std::vector<PlotPoint>& points, double weight);

}  // namespace bertyard
