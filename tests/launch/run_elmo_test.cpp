// SPDX-License-Identifier: Apache-2.0
// An ELMo, from the shards that BERT is trained on to its figures and its export.
#include <string>

#include <nlohmann/json.hpp>

#include "core/backend/built_with.h"
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;

class ElmoTest : public RunTest {
 protected:
  static Arguments elmo(const Arguments& more = {}) {
    return with({"model.preset=elmo", "model.heads=null", "model.hidden=24",
                 "model.intermediate=40", "parallel.micro_batch.masked=auto"},
                more);
  }
};

TEST_F(ElmoTest, LearnsMoreThanFrequenciesAndNamesItsFigures) {
  const Ended ended = train(0, "elmo", elmo({"schedule.0.until=150 steps", "optim.lr=1e-2"}));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("2 layers of LSTMs each way, hidden 24, cells 40"),
                                  HasSubstr("ELMo: each token predicts both of its neighbours"),
                                  HasSubstr("held-out LM "), HasSubstr(", bigram ")));
  const nlohmann::json held_out = last_record("elmo", "eval"), step = last_record("elmo", "train");
  EXPECT_LT(held_out["lm_loss"], held_out["unigram_cross_entropy"]);
  EXPECT_LT(held_out["bigram_cross_entropy"], held_out["unigram_cross_entropy"]);
  EXPECT_GT(held_out["lm_accuracy"], held_out["most_frequent_accuracy"]);
  EXPECT_EQ(step["loss"], step["loss_lm"]);
  EXPECT_THAT(read(run("elmo") / "metrics.jsonl"),
              AllOf(Not(HasSubstr("mlm")), Not(HasSubstr("nsp"))));
  for (const LossLine& line : parse_losses(read(run("elmo") / "loss.log"))) {
    EXPECT_EQ(line.sentence, 0);
    EXPECT_EQ(line.masked % 2, 0);  // both ways
    EXPECT_GT(line.masked, 10 * line.samples);
  }
}

TEST_F(ElmoTest, EvalReadsRunAndExportAlike) {
  ASSERT_EQ(train(0, "elmo", elmo()).code, 0);
  ASSERT_EQ(run_program({"export", "runs/elmo", "--to", "model", "--verify"}).code, 0);

  const nlohmann::json config = nlohmann::json::parse(read("model/config.json"));
  EXPECT_EQ(config["architectures"], nlohmann::json({"BertyardElmoForPreTraining"}));
  EXPECT_EQ(config["model_type"], "bertyard_elmo");
  EXPECT_FALSE(config.contains("num_attention_heads"));
  const Ended of_run = run_program({"eval", "runs/elmo", "--data", "data/valid", "--json"});
  const Ended of_model = run_program({"eval", "model", "--data", "data/valid", "--json"});
  ASSERT_EQ(of_run.code, 0) << of_run.errors;
  ASSERT_EQ(of_model.code, 0) << of_model.errors;
  const auto scores = nlohmann::json::parse(of_run.output);
  EXPECT_EQ(scores["lm_loss"], nlohmann::json::parse(of_model.output)["lm_loss"]);
  EXPECT_NEAR(scores["lm_loss"].get<double>(), last_record("elmo", "eval")["lm_loss"].get<double>(),
              1e-5);
  EXPECT_THAT(of_run.output, AllOf(HasSubstr("predicted_tokens"), Not(HasSubstr("nsp"))));
  const Ended of_checkpoint = run_program({"inspect", "runs/elmo/checkpoints/latest"});
  EXPECT_THAT(of_checkpoint.output,
              AllOf(HasSubstr("2 each way, hidden 24, 40 cells"),
                    HasSubstr("elmo.backward.layer.1.weight_hr"), Not(HasSubstr("12 heads"))));
}

TEST_F(ElmoTest, StoppedAndResumedItHasTheSameBits) {
  expect_same_bits_after_a_stop(elmo());
}

TEST_F(ElmoTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_same_bits_for_any_ranks(elmo());
}

TEST_F(ElmoTest, FastReductionGivesTheSameLossesToRounding) {
  BERTYARD_REQUIRE_MPIRUN();
  for (const int ranks : {1, 2}) {
    const Ended ended = train(ranks, std::to_string(ranks), elmo());
    ASSERT_EQ(ended.code, 0) << ended.errors;
  }

  const auto one = parse_losses(read(run("1") / "loss.log")),
             two = parse_losses(read(run("2") / "loss.log"));
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(20, one.size()); ++i) {
    EXPECT_LT(relative_difference(one[i].mlm, two[i].mlm), 1e-5) << i;
  }
}

TEST_F(ElmoTest, CheckAndDryRunSayWhatItIs) {
  const Ended checked = run_program(with({"check", config()}, elmo())),
              dry = train(0, "elmo", elmo({"--dry-run"}));

  EXPECT_EQ(checked.code, 0) << checked.errors;
  EXPECT_THAT(checked.output, HasSubstr("parameters, ELMo: each token predicts both of its"));
  EXPECT_THAT(dry.output, AllOf(HasSubstr("step 1      LM "), Not(HasSubstr("NSP"))));
}

TEST_F(ElmoTest, WhatOnlyATransformerDoesIsRefused) {
  ASSERT_EQ(train(0, "elmo", elmo()).code, 0);
  write("texts.txt", "the king went home\n");

  expect_error(run_program({"fill-mask", "runs/elmo", "the [MASK] went home"}), 3,
               {"the model is an ELMo", "knows no [MASK]", "take a bidirectional transformer"});
  expect_error(
      run_program({"encode", "runs/elmo", "--in", "texts.txt", "--out", "vectors.jsonl"}), 2,
      {"the model is an ELMo", "vectors are taken from transformers alone", "bertyard finetune"});
  expect_error(run_program(with({"plan", config()}, elmo())), 2,
               {"plan: model.type: elmo", "bertyard bench"});
  const Arguments distill{"distill", config(), "run.name=student"};
  expect_error(run_program(with(distill, {"distill.teacher=runs/elmo"})), 2,
               {"the teacher's type is elmo", "only transformers are distilled"});
  ASSERT_EQ(train(0, "bert").code, 0);
  expect_error(run_program(with(distill, elmo({"distill.teacher=runs/bert"}))), 2,
               {"the teacher's type is transformer, the student's elmo"});
}

TEST_F(ElmoTest, StartsFromAnElmoAlone) {
  ASSERT_EQ(train(0, "elmo", elmo()).code, 0);
  ASSERT_EQ(train(0, "bert").code, 0);

  EXPECT_EQ(train(0, "more", elmo({"model.from=runs/elmo/checkpoints/latest"})).code, 0);
  expect_error(train(0, "x", elmo({"model.from=runs/bert/checkpoints/latest"})), 2,
               {"is of type transformer, model.preset makes one of type elmo",
                "set model.preset to a transformer's"});
  expect_error(
      train(0, "x", {"model.from=runs/elmo/checkpoints/latest"}), 2,
      {"is of type elmo, model.preset makes one of type transformer", "set model.preset to elmo"});
}

TEST_F(ElmoTest, MistakesAreNamed) {
  expect_error(train(0, "x", {"model.type=elmo", "parallel.micro_batch.masked=auto"}), 2,
               {"'model.type' elmo", "is another model than 'model.preset'", "use preset: elmo"});
  expect_error(train(0, "x", elmo({"model.type=transformer"})), 2,
               {"'model.type' transformer", "is another model than 'model.preset' elmo",
                "use a preset of a transformer"});
  expect_error(train(0, "x", elmo({"model.heads=2"})), 2,
               {"'model.heads' 2", "has no effect on this 'model.type', elmo", "remove it"});
  expect_error(train(0, "x", elmo({"model.attention=causal"})), 2,
               {"'model.attention' causal", "has no effect on this 'model.type', elmo"});
  expect_error(train(0, "x", elmo({"precision=bf16"})), 2,
               {"'precision' bf16", "does not go with an ELMo", "use fp32"});
  const char* gpu = built_with_cuda() ? "'parallel.backend' cuda" : "this build has no CUDA";
  expect_error(train(0, "x", elmo({"parallel.backend=cuda"})), 2, {gpu, "use cpu"});
  expect_error(train(0, "x", elmo({"parallel.micro_batch.masked=40"})), 2,
               {"'parallel.micro_batch.masked' 40", "cannot hold one sample",
                "with two predictions a token", "use auto"});
  expect_error(train(0, "x", elmo({"model.intermediate=20"})), 2,
               {"'model.intermediate' 20", "are fewer cells than an LSTM has outputs",
                "'model.hidden' 24", "use 24 or more"});
}

}  // namespace
}  // namespace bertyard
