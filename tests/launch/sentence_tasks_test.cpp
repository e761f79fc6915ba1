// SPDX-License-Identifier: Apache-2.0
// Sentence order and no pairs at all, from text to an evaluated model.
#include <nlohmann/json.hpp>

#include "tests/launch/small_run.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SentenceTasks : public SmallRun {};

TEST_F(SentenceTasks, SentenceOrderTrainsAndIsNamedAsSuch) {
  const std::string task = " samples.next_sentence=sop samples.mask.unit=span";
  expect_runs("prepare run.yaml --show 2" + task);
  EXPECT_THAT(read("out.txt"), HasSubstr("order: "));
  expect_runs("train run.yaml" + task);

  EXPECT_THAT(read("err.txt"), HasSubstr(", SOP "));
  const std::string metrics = read("runs/r/metrics.jsonl");
  for (const char* key : {"\"loss_sop\"", "\"acc_sop\"", "\"sop_loss\"", "\"sop_majority\""}) {
    EXPECT_THAT(metrics, HasSubstr(key));
  }
  EXPECT_THAT(metrics, Not(HasSubstr("nsp")));
  expect_runs("eval runs/r --data data/valid --json");
  const auto scores = nlohmann::json::parse(read("out.txt"));
  EXPECT_NEAR(scores.at("sop_loss").get<double>(), 0.69, 0.2);
  EXPECT_TRUE(scores.at("nsp_loss").is_null());
  expect_runs("eval runs/r --data data/valid");
  EXPECT_THAT(read("out.txt"), HasSubstr("SOP     loss"));
  expect_runs("inspect data/train");
  EXPECT_THAT(read("out.txt"), HasSubstr("swapped"));
  expect_runs("plot runs/r --metric acc_sop --ascii");
}

TEST_F(SentenceTasks, WithoutPairsOnlyMaskedTokensAreTrained) {
  const std::string task = " samples.next_sentence=none samples.mask.when=prepare";
  expect_runs("prepare run.yaml" + task);
  expect_runs("train run.yaml" + task);

  const std::string metrics = read("runs/r/metrics.jsonl");
  EXPECT_THAT(metrics, HasSubstr("\"loss_mlm\""));
  EXPECT_THAT(metrics, Not(HasSubstr("nsp")));
  expect_runs("eval runs/r --data data/valid");
  EXPECT_THAT(read("out.txt"), Not(HasSubstr("NSP")));
}

TEST_F(SentenceTasks, GoogleSamplingTrains) {
  const std::string task = " samples.sampling=google samples.mask.when=prepare samples.duplicate=2";
  expect_runs("prepare run.yaml" + task);
  expect_runs("train run.yaml" + task);

  EXPECT_THAT(read("runs/r/metrics.jsonl"), HasSubstr("\"loss_nsp\""));
  EXPECT_THAT(run("inspect data/train").output, HasSubstr("google"));
}

TEST_F(SentenceTasks, HeldOutPairsOfAnotherKindAreRefused) {
  expect_runs("prepare run.yaml samples.next_sentence=sop");
  expect_runs("prepare run.yaml samples.out=other");

  const Ended ended = run("train run.yaml samples.next_sentence=sop data.valid=other/valid");

  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.errors,
              HasSubstr("other/valid: its samples were made with next_sentence: nsp, those of "
                        "data/train with sop; prepare both alike"));
}

}  // namespace
}  // namespace bertyard
