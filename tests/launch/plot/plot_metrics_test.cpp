// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_metrics.h"

#include <cmath>
#include <fstream>

#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MetricsReaderTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) const {
    std::ofstream(directory_ / "metrics.jsonl", std::ios::binary) << text;
    return directory_ / "metrics.jsonl";
  }

  RunMetrics read(const std::string& text) const {
    return read_metrics(write(text), {"loss_mlm", "mlm_loss"});
  }

  testing::TemporaryDirectory directory_;
};

std::string record(const std::string& time, const std::string& kind, int step,
                   const std::string& fields) {
  return "{\"t\":\"2026-11-23T" + time + "Z\",\"kind\":\"" + kind +
         "\",\"step\":" + std::to_string(step) + fields + "}\n";
}

std::string train(const std::string& time, int step, const std::string& loss) {
  return record(time, "train", step,
                ",\"tokens\":" + std::to_string(1000 * step) + ",\"loss_mlm\":" + loss);
}

std::vector<std::int64_t> steps(const RunMetrics& metrics) {
  std::vector<std::int64_t> found;
  for (const MetricsRow& row : metrics.rows) found.push_back(row.step);
  return found;
}

std::vector<double> hours(const RunMetrics& metrics) {
  std::vector<double> found;
  for (const MetricsRow& row : metrics.rows) found.push_back(row.hours);
  return found;
}

TEST_F(MetricsReaderTest, ReadsTheWantedKeysAndTheNamesOfAll) {
  const RunMetrics metrics =
      read(train("05:00:00", 10, "7.5") +
           record("05:00:30", "eval", 10, ",\"mlm_loss\":7.25,\"note\":\"x\"") +
           record("05:00:31", "checkpoint", 10, ",\"path\":\"step-00000010\""));

  ASSERT_EQ(metrics.rows.size(), 2u);
  EXPECT_EQ(metrics.rows[0].kind, MetricsKind::train);
  EXPECT_EQ(metrics.rows[0].values[0], 7.5);
  EXPECT_TRUE(std::isnan(metrics.rows[0].values[1]));
  EXPECT_EQ(metrics.rows[1].kind, MetricsKind::evaluation);
  EXPECT_EQ(metrics.rows[1].values[1], 7.25);
  EXPECT_THAT(metrics.train_keys, ElementsAre("loss_mlm", "tokens"));
  EXPECT_THAT(metrics.evaluation_keys, ElementsAre("mlm_loss"));
}

TEST_F(MetricsReaderTest, NullIsNoValue) {
  EXPECT_TRUE(std::isnan(read(train("05:00:00", 10, "null")).rows.at(0).values[0]));
}

TEST_F(MetricsReaderTest, AResumeTakesLaterStepsBack) {
  const RunMetrics metrics =
      read(train("05:00:00", 10, "9") + train("06:00:00", 20, "8") + train("07:00:00", 30, "7") +
           record("07:00:00", "eval", 30, "") +
           record("11:00:00", "event", 20, ",\"event\":\"resume\"") + train("12:00:00", 30, "6.5"));

  EXPECT_THAT(steps(metrics), ElementsAre(10, 20, 30));
  EXPECT_EQ(metrics.rows.back().values[0], 6.5);
  EXPECT_THAT(hours(metrics), ElementsAre(0, 1, 2));
}

TEST_F(MetricsReaderTest, ARestartWithoutACheckpointTakesAllBack) {
  const RunMetrics metrics = read(train("05:00:00", 10, "9") + train("05:30:00", 20, "8") +
                                  train("08:00:00", 10, "9.5") + train("09:00:00", 20, "8.5"));

  EXPECT_THAT(steps(metrics), ElementsAre(10, 20));
  EXPECT_EQ(metrics.rows[0].values[0], 9.5);
  EXPECT_THAT(hours(metrics), ElementsAre(0, 1));
}

TEST_F(MetricsReaderTest, OtherEventsTakeNothingBack) {
  const RunMetrics metrics =
      read(train("05:00:00", 10, "9") + record("05:00:01", "event", 5, ",\"event\":\"signal\""));

  EXPECT_THAT(steps(metrics), ElementsAre(10));
}

TEST_F(MetricsReaderTest, EvaluationsLieBetweenTheTrainRecordsAround) {
  const RunMetrics metrics = read(train("05:00:00", 10, "9") + record("05:00:01", "eval", 15, "") +
                                  train("05:00:02", 20, "8") + record("05:00:03", "eval", 24, ""));

  EXPECT_DOUBLE_EQ(metrics.rows[1].tokens, 15000);
  EXPECT_DOUBLE_EQ(metrics.rows[3].tokens, 24000);
}

TEST_F(MetricsReaderTest, ALastLineThatWasCutShortIsLeftOut) {
  const std::string whole = train("05:00:00", 10, "9");

  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(steps(read(whole + whole.substr(0, length))), ElementsAre(10)) << length;
  }
}

TEST_F(MetricsReaderTest, ADamagedLineIsNamed) {
  for (const char* damaged :
       {"garbage\n", "[]\n", "{}\n", "{\"t\":\"now\",\"kind\":\"train\",\"step\":1}\n",
        "{\"t\":1,\"kind\":\"train\",\"step\":1}\n"}) {
    const auto message = testing::message_of<DataError>(
        [&] { read(train("05:00:00", 10, "9") + damaged + train("05:00:01", 20, "9")); });

    EXPECT_THAT(message, HasSubstr("metrics.jsonl:2: is no record of a run's metrics: "))
        << damaged;
  }
}

TEST_F(MetricsReaderTest, AMissingFileIsNamed) {
  const auto message = testing::message_of<DataError>([&] { read_metrics(directory_ / "no", {}); });

  EXPECT_THAT(message, HasSubstr("no: cannot be read; expected the metrics.jsonl of a run"));
}

}  // namespace
}  // namespace bertyard
