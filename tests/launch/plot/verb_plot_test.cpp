// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_plot.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tests/launch/plot/well_formed.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRecords =
    "{\"t\":\"2026-11-23T05:00:00Z\",\"kind\":\"train\",\"step\":1,\"loss_mlm\":9,\"bad\":null}\n"
    "{\"t\":\"2026-11-23T05:00:01Z\",\"kind\":\"train\",\"step\":2,\"loss_mlm\":8}\n"
    "{\"t\":\"2026-11-23T05:00:02Z\",\"kind\":\"eval\",\"step\":2,\"mlm_loss\":8.5,"
    "\"unigram_cross_entropy\":7}\n";

PlotOptions options_for(std::vector<std::string> runs, const std::string& metric = "loss_mlm") {
  PlotOptions options;
  options.runs = std::move(runs);
  options.metric = metric;
  return options;
}

class PlotVerbTest : public ::testing::Test {
 protected:
  std::string run(const std::string& name, const std::string& records = kRecords) const {
    std::filesystem::create_directories(directory_ / name);
    std::ofstream(directory_ / name / "metrics.jsonl") << records;
    return directory_ / name;
  }

  template <typename Exception>
  static std::string refusal(const PlotOptions& options) {
    return testing::message_of<Exception>([&] { run_plot(options); });
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(PlotVerbTest, WritesTheFileIntoTheFirstRun) {
  PlotOptions options;
  options.runs = {run("one") + "/", run("two")};

  EXPECT_EQ(run_plot(options), 0);

  std::ifstream file(directory_ / "one" / "plots" / "loss_mlm.svg");
  const std::string svg(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(testing::xml_fault(svg), "");
  EXPECT_THAT(svg, HasSubstr(">one held out 8.5</text>"));
}

TEST_F(PlotVerbTest, WritesWhereItIsTold) {
  PlotOptions options;
  options.runs = {run("one") + "/metrics.jsonl"};
  options.out = directory_ / "x/y.svg";

  run_plot(options);

  EXPECT_TRUE(std::filesystem::exists(options.out));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "one" / "plots"));
}

TEST_F(PlotVerbTest, RunsOfOneNameAreToldApartByTheirPaths) {
  PlotOptions options;
  options.runs = {run("a/same"), run("b/same")};
  options.smoothing = 0;

  EXPECT_EQ(plot_of(options).series[0].label, options.runs[0] + " train 8");
}

TEST_F(PlotVerbTest, TheFileNameHoldsNoPath) {
  const std::string directory = run("one");

  EXPECT_EQ(plot_file(options_for({directory}, "../a/b c")), directory + "/plots/___a_b_c.svg");
}

std::string task_records(double score) {
  const std::string time = "{\"t\":\"2026-11-23T05:00:00Z\",\"kind\":";
  return time + "\"train\",\"step\":1,\"loss\":2}\n" + time +
         fmt::format("\"eval\",\"step\":2,\"loss\":1,\"accuracy\":{}}}\n", score);
}

TEST_F(PlotVerbTest, AFineTuningIsItsCellsByWhatDiffers) {
  run("tuned/lr-0.002_batch-8_epochs-3_seed-1", task_records(0.75));
  run("tuned/lr-0.001_batch-8_epochs-3_seed-1", task_records(0.5));
  std::filesystem::create_directories(directory_ / "tuned/lr-0.003_batch-8_epochs-3_seed-1");
  const PlotOptions options = options_for({directory_ / "tuned"}, "accuracy");

  const Plot plot = plot_of(options);

  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].label, "lr 0.001 held out 50.0%");
  EXPECT_EQ(plot.series[1].label, "lr 0.002 held out 75.0%");
  EXPECT_EQ(plot_of(options_for({directory_ / "tuned"}, "")).title, "loss");
  EXPECT_EQ(plot_file(options_for({directory_ / "tuned"}, "")),
            (directory_ / "tuned/plots/loss.svg").string());
}

TEST_F(PlotVerbTest, OfManyCellsTheMeanOverSeedsIsDrawn) {
  for (int seed = 1; seed <= 5; ++seed) {
    for (const char* rate : {"0.001", "0.002"}) {
      run(fmt::format("tuned/lr-{}_batch-8_epochs-3_seed-{}", rate, seed),
          task_records(0.1 * seed));
    }
  }

  const Plot plot = plot_of(options_for({directory_ / "tuned"}, "accuracy"));

  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].label, "lr 0.001 (mean of 5 seeds) held out 30.0%");
  EXPECT_DOUBLE_EQ(plot.series[1].points[0].y, 0.3);
}

TEST_F(PlotVerbTest, MoreSettingsThanColoursAreRefused) {
  for (int batch = 1; batch <= 9; ++batch) {
    run(fmt::format("tuned/lr-0.001_batch-{}_epochs-3_seed-1", batch), task_records(0.5));
  }

  EXPECT_THAT(refusal<UsageError>(options_for({directory_ / "tuned"}, "accuracy")),
              HasSubstr("9 runs, at most 8 can be told apart"));
}

TEST_F(PlotVerbTest, RefusesWhatItCannotPlot) {
  const std::string good = run("good"), empty = run("empty", "");
  PlotOptions rough = options_for({good});
  rough.smoothing = 1;

  EXPECT_THAT(refusal<UsageError>({}), HasSubstr("no run given"));
  EXPECT_THAT(refusal<UsageError>(options_for(std::vector<std::string>(9, good))),
              HasSubstr("9 runs, at most 8"));
  EXPECT_THAT(refusal<UsageError>(rough),
              HasSubstr("smoothing is 1, expected 0 (none) to below 1"));
  EXPECT_THAT(refusal<DataError>(options_for({directory_ / "absent"})),
              HasSubstr("absent: no such run; expected a run directory"));
  EXPECT_THAT(refusal<DataError>(options_for({directory_.path()})),
              HasSubstr("there is no metrics.jsonl in it"));
  EXPECT_THAT(refusal<DataError>(options_for({empty})), HasSubstr("no train or eval record yet"));
}

TEST_F(PlotVerbTest, AnUnknownMetricListsTheKnownOnes) {
  const std::string good = run("good");

  EXPECT_THAT(refusal<DataError>(options_for({good}, "los_mlm")),
              HasSubstr("no metric 'los_mlm'; did you mean 'loss_mlm'? It has: loss_mlm, mlm_loss, "
                        "unigram_cross_entropy"));
  EXPECT_THAT(refusal<DataError>(options_for({good}, "bad")), HasSubstr("no metric 'bad'"));
}

}  // namespace
}  // namespace bertyard
