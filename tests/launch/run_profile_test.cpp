// SPDX-License-Identifier: Apache-2.0
// `train --profile`: what the steps are made of, and nothing of it in the bits.
#include <set>

#include <nlohmann/json.hpp>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::IsSupersetOf;

class ProfileTest : public RunTest {
 protected:
  // Names of the events of a kind: "X" spans, "b" sums over ranks.
  std::multiset<std::string> names(const std::string& file, const std::string& kind) const {
    std::multiset<std::string> found;
    const auto whole = nlohmann::json::parse(read(path(file)));
    for (const auto& event : whole["traceEvents"]) {
      if (event["ph"] == kind) found.insert(event["name"]);
    }
    return found;
  }
};

TEST_F(ProfileTest, NamesThePartsOfFiveStepsAndChangesNoBit) {
  ASSERT_EQ(train(0, "plain").code, 0);
  const Ended ended = train(0, "profiled", {"--profile", "traces/step.json"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  expect_same_bits("plain", "profiled");
  const auto spans = names("traces/step.json", "X");
  EXPECT_THAT(spans,
              IsSupersetOf({"step 4", "step 8", "data", "micro-batch 0", "embedding forward",
                            "layer forward 0", "layer forward 1", "heads forward", "heads backward",
                            "layer backward 1", "layer backward 0", "embedding backward", "reduce",
                            "optimizer", "evaluation", "checkpoint"}));
  EXPECT_EQ(spans.count("optimizer"), 5u);
  EXPECT_EQ(spans.count("step 3") + spans.count("step 9"), 0u);
  EXPECT_EQ(spans.count("checkpoint"), 3u);  // after steps 8, 16 and 24
  EXPECT_EQ(spans.count("layer forward 1"), spans.count("layer backward 1"));
  EXPECT_EQ(spans.count("layer forward again 0"), 0u);
}

TEST_F(ProfileTest, EveryRankLeavesAFileWithItsSums) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = train(
      2, "run", {"--profile", "step.json", "parallel.bucket=16 KiB", "parallel.recompute=layers"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  for (const std::string file : {"step.rank-0000.json", "step.rank-0001.json"}) {
    EXPECT_GT(names(file, "b").count("all_reduce_sum"), 5u) << file;
    EXPECT_EQ(names(file, "b"), names(file, "e")) << file;
    EXPECT_GE(names(file, "X").count("layer forward again 0"), 5u) << file;
  }
}

TEST_F(ProfileTest, AShortRunIsRecordedFromItsFirstStep) {
  const Ended ended = train(
      0, "run", {"--profile", "step.json", "schedule.0.until=3 steps", "optim.warmup=1 steps"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(names("step.json", "X"), IsSupersetOf({"step 1", "step 2", "step 3"}));
}

TEST_F(ProfileTest, IsRefusedWhereItCannotBe) {
  expect_error(train(0, "run", {"--profile", "step.json", "--dry-run"}), 2,
               {"train: --profile looks at steps, and --dry-run makes one; leave one out"});
  write("file", "");
  expect_error(train(0, "run", {"--profile", "file/step.json"}), 74, {"file"});
  EXPECT_FALSE(std::filesystem::exists(run("run")));
}

}  // namespace
}  // namespace bertyard
