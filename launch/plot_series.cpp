// SPDX-License-Identifier: Apache-2.0
#include "launch/plot_series.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace bertyard {
namespace {

enum KeyIndex : std::size_t { kTrain, kEvaluation, kBaseline };

double x_of(const MetricsRow& row, PlotAxis axis) {
  switch (axis) {
    case PlotAxis::step:
      return static_cast<double>(row.step);
    case PlotAxis::tokens:
      return row.tokens;
    case PlotAxis::hours:
      return row.hours;
  }
  return 0;
}

std::vector<PlotPoint> points_of(const RunMetrics& metrics, MetricsKind kind, KeyIndex key,
                                 PlotAxis axis) {
  std::vector<PlotPoint> points;
  for (const MetricsRow& row : metrics.rows) {
    if (row.kind != kind) continue;
    const PlotPoint point{x_of(row, axis), row.values[key]};
    if (std::isfinite(point.x)) points.push_back(point);
  }
  const bool any = std::any_of(points.begin(), points.end(),
                               [](const PlotPoint& point) { return std::isfinite(point.y); });
  return any ? points : std::vector<PlotPoint>();
}

double last_value(const std::vector<PlotPoint>& points) {
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    if (std::isfinite(point->y)) return point->y;
  }
  return std::nan("");
}

// Adds what one run has to show. Colours: a run's own among several; one run needs them to tell
// train from held out.
class SeriesBuilder {
 public:
  SeriesBuilder(const PlotMetric& metric, const PlotStyle& style, Plot& plot)
      : metric_(metric), style_(style), plot_(plot) {}

  void add_run(const PlottedRun& run, int index, bool alone) {
    const std::string prefix = alone ? "" : run.name + " ";
    add_train(run, prefix, index);
    const int held_out_color = alone ? 1 : index;
    add(prefix + "held out", SeriesStyle::points, held_out_color,
        points_of(run.metrics, MetricsKind::evaluation, kEvaluation, style_.x));
  }

  // Runs on the same held-out set share one baseline.
  void add_baseline(const PlottedRun& run, bool alone) {
    auto points = points_of(run.metrics, MetricsKind::evaluation, kBaseline, style_.x);
    const double value = last_value(points);
    if (points.empty() || value == shared_baseline_) return;
    shared_baseline_ = value;
    const std::string prefix = alone ? "" : run.name + " ";
    add(prefix + metric_.baseline_label, SeriesStyle::baseline, kNeutralColor, std::move(points));
  }

 private:
  void add_train(const PlottedRun& run, const std::string& prefix, int color) {
    auto points = points_of(run.metrics, MetricsKind::train, kTrain, style_.x);
    const bool smooth = style_.smoothing > 0 && metric_.smoothing == Smoothing::useful;
    if (!smooth || points.size() < 3) {
      add(prefix + "train", SeriesStyle::curve, color, std::move(points));
      return;
    }
    auto mean = smoothed(points, style_.smoothing);
    add("", SeriesStyle::faint, color, std::move(points));
    add(prefix + "train, smoothed", SeriesStyle::curve, color, std::move(mean));
  }

  void add(const std::string& name, SeriesStyle style, int color, std::vector<PlotPoint> points) {
    if (points.empty()) return;
    const std::string value = value_text(last_value(points), plot_.y.unit);
    const std::string label = name.empty() ? "" : fmt::format("{} {}", name, value);
    plot_.series.push_back({label, style, color, std::move(points)});
  }

  const PlotMetric& metric_;
  const PlotStyle& style_;
  Plot& plot_;
  double shared_baseline_ = std::nan("");
};

PlotScale x_scale(PlotAxis axis) {
  switch (axis) {
    case PlotAxis::step:
      return {"step", ValueUnit::count};
    case PlotAxis::tokens:
      return {"tokens", ValueUnit::count};
    case PlotAxis::hours:
      return {"hours of training", ValueUnit::plain};
  }
  return {};
}

// Hours are a poor unit for runs of minutes or weeks.
void choose_time_unit(Plot& plot) {
  const double hours = x_range(plot).high;
  if (hours >= 2 && hours <= 96) return;
  const double factor = hours < 2 ? 60 : 1.0 / 24;
  plot.x.label = hours < 2 ? "minutes of training" : "days of training";
  for (PlotSeries& series : plot.series) {
    for (PlotPoint& point : series.points) point.x *= factor;
  }
}

}  // namespace

std::vector<std::string> metric_keys(const PlotMetric& metric) {
  return {metric.train, metric.evaluation, metric.baseline};
}

Plot make_plot(const PlotMetric& metric, const std::vector<PlottedRun>& runs,
               const PlotStyle& style) {
  const bool alone = runs.size() == 1;
  Plot plot;
  plot.title = alone ? fmt::format("{}: {}", runs[0].name, metric.title) : metric.title;
  plot.x = x_scale(style.x);
  plot.y = {metric.unit_label, metric.unit};
  SeriesBuilder builder(metric, style, plot);
  for (const PlottedRun& run : runs) builder.add_baseline(run, alone);
  int index = 0;
  for (const PlottedRun& run : runs) builder.add_run(run, index++, alone);
  if (style.x == PlotAxis::hours) choose_time_unit(plot);
  return plot;
}

std::vector<PlotPoint> smoothed(const std::vector<PlotPoint>& points, double weight) {
  std::vector<PlotPoint> result;
  double mean = 0;
  double share = 1;  // of the zero that the mean began with
  for (const PlotPoint& point : points) {
    if (!std::isfinite(point.y)) continue;
    mean = weight * mean + (1 - weight) * point.y;
    share *= weight;
    result.push_back({point.x, mean / (1 - share)});
  }
  return result;
}

}  // namespace bertyard
