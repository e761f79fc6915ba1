// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_series.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

namespace bertyard {
namespace {

constexpr double kSmoothedPoints = 250;  // that the smoothing is given for

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
  double last = std::nan("");
  for (const PlotPoint& point : points) {
    if (std::isfinite(point.y)) last = point.y;
  }
  return last;
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

  // Runs on the same held-out set share one baseline; else each has its own, in its own colour.
  void add_baselines(const std::vector<PlottedRun>& runs) {
    std::vector<PlotSeries> found;
    std::set<double> different;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto points = points_of(runs[i].metrics, MetricsKind::evaluation, kBaseline, style_.x);
      if (points.empty()) continue;
      different.insert(last_value(points));
      found.push_back(
          {runs[i].name + " ", SeriesStyle::baseline, static_cast<int>(i), std::move(points)});
    }
    if (different.size() == 1) {
      found.erase(found.begin() + 1, found.end());
      found[0].label.clear();
      found[0].color = kNeutralColor;
    }
    for (PlotSeries& series : found) {
      add(series.label + metric_.baseline_label, series.style, series.color,
          std::move(series.points));
    }
  }

 private:
  void add_train(const PlottedRun& run, const std::string& prefix, int color) {
    auto points = points_of(run.metrics, MetricsKind::train, kTrain, style_.x);
    const bool smooth = style_.smoothing > 0 && metric_.smoothing == Smoothing::useful;
    if (!smooth || points.size() < 3) {
      add(prefix + "train", SeriesStyle::curve, color, std::move(points));
      return;
    }
    const double exponent = kSmoothedPoints / static_cast<double>(points.size());
    auto mean = smoothed(points, std::pow(style_.smoothing, exponent));
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
  int index = 0;
  for (const PlottedRun& run : runs) builder.add_run(run, index++, alone);
  builder.add_baselines(runs);
  if (style.x == PlotAxis::hours) choose_time_unit(plot);
  return plot;
}

std::vector<PlotPoint> smoothed(const std::vector<PlotPoint>& points, double weight) {
  std::vector<PlotPoint> result = points;
  std::erase_if(result, [](const PlotPoint& point) { return !std::isfinite(point.y); });
  // Sums over what comes before and after each point, itself included.
  struct Sums {
    double values = 0;
    double weights = 0;
    void add(double value, double weight) {
      values = value + weight * values;
      weights = 1 + weight * weights;
    }
  };
  std::vector<Sums> after(result.size());
  Sums sums;
  for (std::size_t i = result.size(); i-- > 0;) {
    sums.add(result[i].y, weight);
    after[i] = sums;
  }
  sums = {};
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double value = result[i].y;
    sums.add(value, weight);
    result[i].y = (sums.values + after[i].values - value) / (sums.weights + after[i].weights - 1);
  }
  return result;
}

}  // namespace bertyard
