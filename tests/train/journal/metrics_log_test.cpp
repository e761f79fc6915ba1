// SPDX-License-Identifier: Apache-2.0
#include "train/journal/metrics_log.h"

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::MatchesRegex;
using testing::TemporaryDirectory;

TEST(MetricsRecord, IsOneFlatObjectInOrder) {
  MetricsRecord record("train", 12340);
  record.add("tokens", 404357120).add("loss", 2.413).add("lr", 9.9e-05);
  record.add("loss_scale", std::optional<double>()).add("grad_norm", std::nan(""));
  record.add("note", "a \"b\"\n");

  EXPECT_EQ(record.line("2026-11-23T05:00:00Z"),
            R"({"t":"2026-11-23T05:00:00Z","kind":"train","step":12340,"tokens":404357120,)"
            R"("loss":2.413,"lr":9.9e-05,"loss_scale":null,"grad_norm":null,)"
            R"("note":"a \"b\"\n"})"
            "\n");
}

TEST(MetricsRecord, NumbersComeBackExactly) {
  const double value = 0.1 + 0.2;

  const auto json = nlohmann::json::parse(MetricsRecord("train", 1).add("x", value).line(""));

  EXPECT_EQ(json["x"].get<double>(), value);
}

TEST(MetricsLog, AppendsAndDropsALineThatAKillCutShort) {
  const TemporaryDirectory directory;
  const FileCalls calls;
  const auto path = directory / "metrics.jsonl";
  MetricsLog(path, calls).write(MetricsRecord("train", 1).add("loss", 3));
  std::ofstream(path, std::ios::app) << "{\"t\":\"20";

  MetricsLog log(path, calls);
  log.mark_resume(1);

  std::ifstream file(path);
  std::string first, second, third;
  std::getline(file, first);
  std::getline(file, second);
  EXPECT_THAT(first, MatchesRegex(R"(\{"t":"20.*Z","kind":"train","step":1,"loss":3\})"));
  EXPECT_THAT(second, MatchesRegex(R"(\{.*"kind":"event","step":1,"event":"resume"\})"));
  EXPECT_FALSE(std::getline(file, third));
}

}  // namespace
}  // namespace bertyard
