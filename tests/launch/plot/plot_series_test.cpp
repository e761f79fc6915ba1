// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_series.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/plot/plot_pixels.h"

namespace bertyard {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Train losses 9, 8, 7 at steps 10, 20, 30 and one evaluation at the end.
PlottedRun a_run(const std::string& name, double baseline = 6.5) {
  PlottedRun run{name, {}};
  for (int i = 1; i <= 3; ++i) {
    run.metrics.rows.push_back(
        {MetricsKind::train, 10 * i, 1000.0 * i, 0.5 * i, {10.0 - i, kNan, kNan}});
  }
  run.metrics.rows.push_back({MetricsKind::evaluation, 30, 3000, 1.5, {kNan, 7.25, baseline}});
  return run;
}

std::vector<std::string> labels(const Plot& plot) {
  std::vector<std::string> found;
  for (const PlotSeries& series : plot.series) found.push_back(series.label);
  return found;
}

TEST(MakePlotTest, OneRunShowsTrainHeldOutAndBaseline) {
  const Plot plot = make_plot(plot_metric("loss_mlm"), {a_run("quick")}, {});

  EXPECT_EQ(plot.title, "quick: MLM loss");
  EXPECT_THAT(labels(plot), ::testing::ElementsAre("train 7", "held out 7.25", "unigram 6.5"));
  EXPECT_EQ(plot.series[0].points.size(), 3u);
  EXPECT_EQ(plot.series[0].points[1].x, 20);
  EXPECT_EQ(plot.series[0].points[1].y, 8);
  EXPECT_NE(plot.series[0].color, plot.series[1].color);
  EXPECT_EQ(plot.series[2].style, SeriesStyle::baseline);
}

TEST(MakePlotTest, EitherKeyNamesTheSamePlot) {
  EXPECT_EQ(make_plot(plot_metric("mlm_loss"), {a_run("quick")}, {}).series.size(), 3u);
}

TEST(MakePlotTest, SeveralRunsShareAnEqualBaseline) {
  const Plot shared = make_plot(plot_metric("loss_mlm"), {a_run("a"), a_run("b")}, {});
  const Plot own = make_plot(plot_metric("loss_mlm"), {a_run("a"), a_run("b", 6.25)}, {});

  EXPECT_EQ(shared.title, "MLM loss");
  EXPECT_THAT(labels(shared), ::testing::ElementsAre("a train 7", "a held out 7.25", "b train 7",
                                                     "b held out 7.25", "unigram 6.5"));
  EXPECT_THAT(labels(own), ::testing::Contains("b unigram 6.25"));
}

TEST(MakePlotTest, ASmoothedCurveStandsOnTheRawOne) {
  const Plot plot = make_plot(plot_metric("loss_mlm"), {a_run("a")}, {.smoothing = 0.5});

  EXPECT_EQ(plot.series[0].style, SeriesStyle::faint);
  EXPECT_EQ(plot.series[0].label, "");
  EXPECT_THAT(plot.series[1].label, ::testing::StartsWith("train, smoothed "));
}

TEST(MakePlotTest, HoursBecomeMinutesInAShortRun) {
  const Plot plot = make_plot(plot_metric("loss_mlm"), {a_run("a")}, {.x = PlotAxis::hours});

  EXPECT_EQ(plot.x.label, "minutes of training");
  EXPECT_EQ(plot.series[0].points[0].x, 30);
}

TEST(MakePlotTest, AnyOtherKeyStandsForItself) {
  const PlotMetric metric = plot_metric("power_w");

  EXPECT_EQ(metric.train, "power_w");
  EXPECT_EQ(metric.title, "power_w");
}

TEST(SmoothedTest, IsTheWeightedMeanOfAllPoints) {
  const std::vector<PlotPoint> points = {{0, 3}, {1, kNan}, {2, 5}, {3, -1}, {4, 2}};

  const std::vector<PlotPoint> mean = smoothed(points, 0.7);

  const double values[] = {3, 5, -1, 2};
  ASSERT_EQ(mean.size(), 4u);
  EXPECT_EQ(mean[1].x, 2);
  for (int i = 0; i < 4; ++i) {
    double sum = 0, weights = 0;
    for (int j = 0; j < 4; ++j) {
      sum += std::pow(0.7, std::abs(i - j)) * values[j];
      weights += std::pow(0.7, std::abs(i - j));
    }
    EXPECT_NEAR(mean[static_cast<std::size_t>(i)].y, sum / weights, 1e-12);
  }
}

TEST(PlotRangeTest, LeavesAirButNoNegativeLosses) {
  Plot plot;
  plot.series = {{"", SeriesStyle::curve, 0, {{10, 0.1}, {20, 10.1}, {30, kNan}}}};

  EXPECT_EQ(y_range(plot).low, 0);
  EXPECT_DOUBLE_EQ(y_range(plot).high, 10.6);
  EXPECT_EQ(x_range(plot).high, 20);
}

TEST(PlotRangeTest, OneValueStillHasARange) {
  Plot plot;
  plot.series = {{"", SeriesStyle::curve, 0, {{1, 4}}}};

  EXPECT_GT(y_range(plot).span(), 0);
  EXPECT_GT(x_range(plot).span(), 0);
}

TEST(ThinnedTest, KeepsFirstLowestHighestAndLastOfAColumn) {
  const PixelFrame frame{0, 0, 1, 100};
  const std::vector<PlotPoint> points = {{0, 5}, {0.1, 6}, {0.2, 9}, {0.3, 1}, {0.4, 6}, {0.5, 4}};

  const auto pixels = thinned(points, {0, 1}, {0, 10}, frame);

  std::vector<double> heights;
  for (const PixelPoint& pixel : pixels) heights.push_back(std::round(pixel.y));
  EXPECT_THAT(heights, ::testing::ElementsAre(50, 10, 90, 60));
}

TEST(ThinnedTest, AGapStays) {
  const auto pixels = thinned({{0, 1}, {0.5, kNan}, {1, 1}}, {0, 1}, {0, 2}, {0, 0, 10, 10});

  ASSERT_EQ(pixels.size(), 3u);
  EXPECT_TRUE(pixels[1].gap);
}

}  // namespace
}  // namespace bertyard
