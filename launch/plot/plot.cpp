// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot.h"

#include <algorithm>
#include <cmath>

namespace bertyard {
namespace {

constexpr double kAir = 0.05;  // of the span, above and below

std::vector<double> values_of(const Plot& plot, double PlotPoint::*member) {
  std::vector<double> values;
  for (const PlotSeries& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      if (std::isfinite(point.y)) values.push_back(point.*member);
    }
  }
  return values;
}

AxisRange span_of(const std::vector<double>& values) {
  if (values.empty()) return {0, 1};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

}  // namespace

std::vector<const PlotSeries*> drawing_order(const Plot& plot) {
  std::vector<const PlotSeries*> order;
  for (const PlotSeries& series : plot.series) order.push_back(&series);
  std::stable_partition(order.begin(), order.end(), [](const PlotSeries* series) {
    return series->style == SeriesStyle::baseline;
  });
  return order;
}

AxisRange x_range(const Plot& plot) {
  AxisRange range = span_of(values_of(plot, &PlotPoint::x));
  // A run that is seen whole starts at the axis.
  if (range.low > 0 && range.low < 0.5 * range.high) range.low = 0;
  if (range.low == range.high) range = {std::min(range.low, 0.0), std::max(range.high, 1.0)};
  return range;
}

AxisRange y_range(const Plot& plot) {
  const AxisRange range = span_of(values_of(plot, &PlotPoint::y));
  if (range.low == range.high) {
    const double margin = range.low == 0 ? 1 : std::abs(range.low) * kAir;
    return {range.low - margin, range.high + margin};
  }
  const double margin = (range.high - range.low) * kAir;
  AxisRange padded{range.low - margin, range.high + margin};
  // Losses, shares and times are never negative: no axis says that they could be.
  if (range.low >= 0) padded.low = std::max(padded.low, 0.0);
  if (plot.y.unit == ValueUnit::share && range.high <= 1) padded.high = std::min(padded.high, 1.0);
  return padded;
}

std::vector<PlotPoint> drawn_points(const PlotSeries& series, const AxisRange& x) {
  std::vector<PlotPoint> points = series.points;
  if (series.style != SeriesStyle::baseline || points.empty()) return points;
  points.insert(points.begin(), {x.low, points.front().y});
  points.push_back({x.high, points.back().y});
  return points;
}

}  // namespace bertyard
