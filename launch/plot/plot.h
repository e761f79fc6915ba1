// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/plot/plot_axis.h"

namespace bertyard {

struct PlotPoint {
  double x = 0;
  double y = 0;  // NaN breaks a curve
};

enum class SeriesStyle {
  curve,
  faint,     // the raw values beneath a smoothed curve; no entry in the legend
  points,    // markers, joined by a thin line
  baseline,  // dashed, from one edge to the other
};

// Colours are indices into the palette of whoever draws; this one is no run's.
inline constexpr int kNeutralColor = -1;

struct PlotSeries {
  std::string label;
  SeriesStyle style = SeriesStyle::curve;
  int color = 0;
  std::vector<PlotPoint> points;  // ascending x
};

struct PlotScale {
  std::string label;
  ValueUnit unit = ValueUnit::plain;
};

// What is drawn, whatever draws it.
struct Plot {
  std::string title;
  PlotScale x;
  PlotScale y;
  std::vector<PlotSeries> series;
};

// In the order in which they are to be drawn: baselines lie beneath everything else.
std::vector<const PlotSeries*> drawing_order(const Plot& plot);

// What the axes show: every finite point, with some air above and below.
AxisRange x_range(const Plot& plot);
AxisRange y_range(const Plot& plot);

// The points of a series as they are to be joined: of a baseline also one at either edge.
std::vector<PlotPoint> drawn_points(const PlotSeries& series, const AxisRange& x);

}  // namespace bertyard
