// SPDX-License-Identifier: Apache-2.0
// A causal language model fine-tuned on the kinds of tasks that BERT is.
#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CausalFinetuneTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    ASSERT_EQ(train(0, "gpt", {"model.attention=causal", "parallel.micro_batch.masked=auto"}).code,
              0);
    std::string rows = "sentence\tlabel\n";
    for (int i = 0; i < 90; ++i) {
      const std::string word(1, static_cast<char>('a' + i % 13));
      rows += word + (i % 2 == 0 ? " good " : " bad ") + word + " day\t" +
              std::to_string(i % 2 == 0 ? 1 : 0) + "\n";
    }
    write("train.tsv", rows);
  }
  Ended finetune(int ranks, const std::string& name, const Arguments& more = {}) const {
    Arguments command;
    if (ranks > 0) command = {BERTYARD_MPIEXEC, "-n", std::to_string(ranks)};
    const Arguments standard{BERTYARD_PROGRAM,
                             "finetune",
                             config(),
                             "run.name=" + name,
                             "model.from=runs/gpt",
                             "tokenizer.vocab=null",
                             "task.kind=classify",
                             "task.name=sst2",
                             "task.train=[train.tsv]",
                             "task.max_length=32",
                             "task.held_out=20%",
                             "finetune.lr=2e-3",
                             "finetune.batch=16",
                             "finetune.epochs=8",
                             "eval.every=10 steps"};
    command.insert(command.end(), standard.begin(), standard.end());
    command.insert(command.end(), more.begin(), more.end());
    return start(command).wait();
  }
  nlohmann::json config_of(const std::string& name) const {
    return nlohmann::json::parse(read(run(name) / "best/config.json"));
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
  std::string pairs = "sentence1\tsentence2\tscore\n", paragraphs;
  for (int i = 0; i < 60; ++i) {
    const std::string word(1, static_cast<char>('a' + i % 20));
    pairs += word + " good day\t" + (i % 2 == 0 ? word + " good day" : "no bad king") + "\t" +
             (i % 2 == 0 ? "5.0" : "0.4") + "\n";
    paragraphs += std::string(i == 0 ? "" : ",") + R"({"context": "say )" + word + " " + word +
                  R"( went home", "qas": [{"id": ")" + std::to_string(i) +
                  R"(", "question": "who?", "answers": [{"text": ")" + word + " " + word +
                  R"(", "answer_start": 4}]}]})";
  }
  write("pairs.tsv", pairs);
  write("squad.json", R"({"version": "1.1", "data": [{"paragraphs": [)" + paragraphs + "]}]}");

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
