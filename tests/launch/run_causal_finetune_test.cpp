// SPDX-License-Identifier: Apache-2.0
// A causal language model fine-tuned on the kinds of tasks that BERT is.
#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CausalFinetuneTest : public FinetuneRunTest {
 protected:
  void SetUp() override {
    FinetuneRunTest::SetUp();
    own_settings_ = {"model.from=runs/gpt", "tokenizer.vocab=null"};
    ASSERT_EQ(train(0, "gpt", {"model.attention=causal", "parallel.micro_batch.masked=auto"}).code,
              0);
  }
};

// "good" and "bad" stand at the second word: the first token sees none of it.
TEST_F(CausalFinetuneTest, SentencesAreClassifiedByTheirLastToken) {
  const Ended ended = finetune(0, "tuned");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("accuracy 100.00 -> runs/tuned/best"));
  EXPECT_EQ(config_of("tuned")["is_decoder"], true);
  EXPECT_EQ(config_of("tuned")["bertyard_pooling"], "last");
  const Ended scored = run_program({"eval", "runs/tuned", "--data", "train.tsv", "--json"});
  EXPECT_EQ(scored.code, 0) << scored.errors;
  EXPECT_THAT(scored.output, StartsWith("{\"accuracy\":1.0,"));
  const Ended predicted =
      run_program({"predict", "runs/tuned", "--data", "train.tsv", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/SST-2.tsv"), StartsWith("index\tprediction\n0\t1\n1\t0\n2\t1\n"));
}

TEST_F(CausalFinetuneTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments ordered{"parallel.reduction=ordered", "parallel.leaves=2",
                          "parallel.micro_batch.tokens=48"};

  const Ended one = finetune(1, "one", ordered), two = finetune(2, "two", ordered);

  EXPECT_EQ(one.code, 0) << one.errors;
  EXPECT_EQ(two.code, 0) << two.errors;
  const std::string cell = "/lr-0.002_batch-16_epochs-8_seed-42";
  expect_same_bits("one" + cell, "two" + cell);
}

// What a label depends on must stand before it.
TEST_F(CausalFinetuneTest, WordsAreTaggedFromWhatStandsBeforeThem) {
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    const std::string word(1, static_cast<char>('a' + i % 25));
    rows += "the O\nking B-PER\n" + word + " I-PER\nwent O\n\n";
  }
  write("train.conll", rows);

  const Ended ended =
      finetune(0, "tags", {"task.kind=tag", "task.name=names", "task.train=[train.conll]"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("span_f1 100.00 -> "));
  EXPECT_FALSE(config_of("tags").contains("bertyard_pooling"));
  const Ended predicted =
      run_program({"predict", "runs/tags", "--data", "train.conll", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/predictions.conll"),
              StartsWith("the O O\nking B-PER B-PER\na I-PER I-PER\nwent O O\n\n"));
}

TEST_F(CausalFinetuneTest, PairsNumbersAndAnswers) {
  write("pairs.tsv", made_pairs(60, 20));
  write("squad.json", made_questions(60, 20));

  const Ended numbers =
      finetune(0, "sts", {"task.kind=regress", "task.name=stsb", "task.train=[pairs.tsv]"});
  const Ended answers =
      finetune(0, "squad", {"task.kind=qa", "task.name=squad", "task.train=[squad.json]"});

  ASSERT_EQ(numbers.code, 0) << numbers.errors;
  const Ended scored = run_program({"eval", "runs/sts", "--data", "pairs.tsv", "--json"});
  EXPECT_GT(nlohmann::json::parse(scored.output)["pearson"], 0.9) << scored.output;
  ASSERT_EQ(answers.code, 0) << answers.errors;
  const Ended predicted =
      run_program({"predict", "runs/squad", "--data", "squad.json", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/nbest_predictions.json"), HasSubstr("\"probability\": "));
}

// From random weights the configuration says what the model is.
TEST_F(CausalFinetuneTest, StartsFromRandomWeightsToo) {
  const Ended ended = finetune(0, "fresh",
                               {"model.from=null", "tokenizer.vocab=vocab.txt",
                                "model.attention=causal", "finetune.epochs=1"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(config_of("fresh")["bertyard_pooling"], "last");
}

TEST_F(CausalFinetuneTest, AHeadOnTheFirstTokenIsRefused) {
  ASSERT_EQ(finetune(0, "tuned", {"finetune.epochs=1"}).code, 0);
  nlohmann::json config = config_of("tuned");
  config.erase("bertyard_pooling");
  write(run("tuned") / "best/config.json", config.dump());

  expect_error(run_program({"eval", "runs/tuned", "--data", "train.tsv"}), 3,
               {"config.json: a causal BertForSequenceClassification", "bertyard_pooling",
                "fine-tune the model with bertyard"});
}

}  // namespace
}  // namespace bertyard
