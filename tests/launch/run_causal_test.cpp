// SPDX-License-Identifier: Apache-2.0
// A causal language model, from the shards that BERT is trained on to its figures and its export.
#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;

class CausalTest : public RunTest {
 protected:
  static Arguments causal(const Arguments& more = {}) {
    return with({"model.attention=causal", "parallel.micro_batch.masked=auto"}, more);
  }
};

TEST_F(CausalTest, LearnsMoreThanFrequenciesAndNamesItsFigures) {
  const Ended ended = train(0, "gpt", causal({"schedule.0.until=150 steps", "optim.lr=5e-3"}));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("causal: each token predicts the next"),
                                  HasSubstr("held-out LM "), HasSubstr(", bigram ")));
  const nlohmann::json held_out = last_record("gpt", "eval"), step = last_record("gpt", "train");
  EXPECT_LT(held_out["lm_loss"], held_out["unigram_cross_entropy"]);
  EXPECT_LT(held_out["bigram_cross_entropy"], held_out["unigram_cross_entropy"]);
  EXPECT_GT(held_out["lm_accuracy"], held_out["most_frequent_accuracy"]);
  EXPECT_GT(step["acc_lm"], 0);
  EXPECT_EQ(step["loss"], step["loss_lm"]);
  EXPECT_THAT(read(run("gpt") / "metrics.jsonl"),
              AllOf(Not(HasSubstr("mlm")), Not(HasSubstr("nsp"))));
  for (const LossLine& line : parse_losses(read(run("gpt") / "loss.log"))) {
    EXPECT_EQ(line.sentence, 0);
    EXPECT_GT(line.masked, 5 * line.samples);  // of BERT's masked tokens there are 5 at most
  }
}

TEST_F(CausalTest, EvalReadsRunAndExportAlike) {
  ASSERT_EQ(train(0, "gpt", causal()).code, 0);
  ASSERT_EQ(run_program({"export", "runs/gpt", "--to", "model", "--verify"}).code, 0);
  EXPECT_EQ(run_program({"export", "runs/gpt", "--to", "model"}).code, 0) << "it may be replaced";
  expect_error(run_program({"export", "runs/gpt", "--to", "runs/gpt"}), 2,
               {"export: runs/gpt holds ", "which is no part of an exported model"});

  const nlohmann::json config = nlohmann::json::parse(read("model/config.json"));
  EXPECT_EQ(config["architectures"], nlohmann::json({"BertLMHeadModel"}));
  EXPECT_EQ(config["is_decoder"], true);
  const Ended of_run = run_program({"eval", "runs/gpt", "--data", "data/valid", "--json"});
  const Ended of_model = run_program({"eval", "model", "--data", "data/valid", "--json"});
  ASSERT_EQ(of_run.code, 0) << of_run.errors;
  ASSERT_EQ(of_model.code, 0) << of_model.errors;
  const auto scores = nlohmann::json::parse(of_run.output);
  EXPECT_EQ(scores["lm_loss"], nlohmann::json::parse(of_model.output)["lm_loss"]);
  EXPECT_NEAR(scores["lm_loss"].get<double>(), last_record("gpt", "eval")["lm_loss"].get<double>(),
              1e-5);
  EXPECT_GT(scores["predicted_tokens"], scores["samples"]);
  EXPECT_THAT(of_run.output, AllOf(Not(HasSubstr("mlm")), Not(HasSubstr("nsp"))));
  const Ended text = run_program({"eval", "model", "--data", "data/valid"});
  EXPECT_THAT(text.output, AllOf(HasSubstr("LM      loss "), HasSubstr(" predicted tokens"),
                                 Not(HasSubstr("NSP"))));
  const Ended of_directory = run_program({"inspect", "runs/gpt"});
  EXPECT_THAT(of_directory.output, AllOf(HasSubstr(": LM "), Not(HasSubstr("MLM"))));
  const Ended of_checkpoint = run_program({"inspect", "runs/gpt/checkpoints/latest"});
  EXPECT_THAT(of_checkpoint.output, AllOf(HasSubstr("LM "), HasSubstr("attention"),
                                          HasSubstr("causal"), Not(HasSubstr("MLM"))));
}

// The masks of the shards, where they store some, are not seen.
TEST_F(CausalTest, ShardsWithStoredMasksGiveTheSameRun) {
  ASSERT_EQ(train(0, "drawn", causal()).code, 0);
  ASSERT_EQ(
      run_program({"prepare", config(), "samples.mask.when=prepare", "samples.out=masked"}).code,
      0);

  const Ended ended = train(
      0, "stored",
      causal({"data.train=masked/train", "data.valid=masked/valid", "samples.mask.when=prepare"}));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(read(run("stored") / "loss.log"), read(run("drawn") / "loss.log"));
}

TEST_F(CausalTest, StoppedAndResumedItHasTheSameBits) {
  expect_same_bits_after_a_stop(causal());
}

TEST_F(CausalTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_same_bits_for_any_ranks(causal());
}

TEST_F(CausalTest, CheckAndDryRunSayWhatItIs) {
  const Ended checked = run_program(with({"check", config()}, causal())),
              dry = train(0, "gpt", causal({"--dry-run"}));

  EXPECT_EQ(checked.code, 0) << checked.errors;
  EXPECT_THAT(checked.output, HasSubstr("parameters, causal: each token predicts the next"));
  EXPECT_THAT(dry.output, AllOf(HasSubstr("step 1      LM "), Not(HasSubstr("NSP"))));
}

TEST_F(CausalTest, WhatNeedsBothSidesIsRefused) {
  ASSERT_EQ(train(0, "gpt", causal()).code, 0);
  write("texts.txt", "the king went home\n");

  expect_error(
      run_program({"fill-mask", "runs/gpt", "the [MASK] went home"}), 3,
      {"the model is causal", "does not see what follows a [MASK]", "take a bidirectional model"});
  const Arguments encode{"encode", "runs/gpt",      "--in",  "texts.txt",
                         "--out",  "vectors.jsonl", "--pool"};
  expect_error(run_program(with(encode, {"cls"})), 2,
               {"its first token has seen nothing", "use --pool mean"});
  const Ended encoded = run_program(with(encode, {"mean"}));
  EXPECT_EQ(encoded.code, 0) << encoded.errors;
}

TEST_F(CausalTest, MistakesAreNamed) {
  expect_error(train(0, "x", {"model.attention=left"}), 2,
               {"'model.attention' is 'left', expected one of: bidirectional, causal"});
  expect_error(train(0, "x", {"model.attention=causal"}), 2,
               {"'parallel.micro_batch.masked' 24", "cannot hold one sample",
                "'schedule.0.length' 32", "use auto"});
  ASSERT_EQ(train(0, "bert").code, 0);
  expect_error(train(0, "bert", causal()), 3, {"model.attention", "causal"});
}

}  // namespace
}  // namespace bertyard
