// SPDX-License-Identifier: Apache-2.0
// An ELMo on the kinds of tasks that BERT is fine-tuned on: its language model stays as it is.
#include <csignal>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"
#include "train/files/safetensors.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using testing::Process;
using ::testing::StartsWith;

class ElmoFinetuneTest : public FinetuneRunTest {
 protected:
  void SetUp() override {
    FinetuneRunTest::SetUp();
    own_settings_ = {"model.from=runs/elmo", "tokenizer.vocab=null", "finetune.lr=1e-2"};
    ASSERT_EQ(train(0, "elmo", sizes({"parallel.micro_batch.masked=auto"})).code, 0);
  }
  static Arguments sizes(const Arguments& more = {}) {
    return with(
        {"model.preset=elmo", "model.heads=null", "model.hidden=24", "model.intermediate=40"},
        more);
  }
  static std::vector<float> values(const SafetensorsFile& file, const std::string& name) {
    for (const SafetensorsEntry& entry : file.entries()) {
      if (entry.name != name) continue;
      std::int64_t elements = 1;
      for (const std::int64_t extent : entry.extents) elements *= extent;
      std::vector<float> result(static_cast<std::size_t>(elements));
      file.read_f32(entry, result);
      return result;
    }
    ADD_FAILURE() << name << " is missing";
    return {};
  }
};

TEST_F(ElmoFinetuneTest, SentencesAreClassifiedAndTheLanguageModelStaysAsItIs) {
  const Ended ended = finetune(0, "tuned");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("accuracy 100.00 -> runs/tuned/best"));
  EXPECT_EQ(config_of("tuned")["architectures"],
            nlohmann::json({"BertyardElmoForSequenceClassification"}));
  const SafetensorsFile before(run("elmo") / "checkpoints/latest/model.safetensors"),
      after(run("tuned") / "best/model.safetensors");
  int kept = 0;
  for (const SafetensorsEntry& entry : after.entries()) {
    if (!entry.name.starts_with("elmo.")) continue;
    EXPECT_EQ(values(after, entry.name), values(before, entry.name)) << entry.name;
    ++kept;
  }
  EXPECT_EQ(kept, 17);
  EXPECT_NE(values(after, "elmo_task.mix.gamma"), std::vector<float>{1});
  EXPECT_NE(values(after, "elmo_task.mix.weights"), (std::vector<float>{0, 0, 0}));
  const Ended scored = run_program({"eval", "runs/tuned", "--data", "train.tsv", "--json"});
  EXPECT_EQ(scored.code, 0) << scored.errors;
  EXPECT_THAT(scored.output, StartsWith("{\"accuracy\":1.0,"));
  const Ended predicted =
      run_program({"predict", "runs/tuned", "--data", "train.tsv", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/SST-2.tsv"), StartsWith("index\tprediction\n0\t1\n1\t0\n2\t1\n"));
}

TEST_F(ElmoFinetuneTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments ordered{"parallel.reduction=ordered", "parallel.leaves=2",
                          "parallel.micro_batch.tokens=48", "finetune.epochs=3"};

  const Ended one = finetune(1, "one", ordered), two = finetune(2, "two", ordered);

  EXPECT_EQ(one.code, 0) << one.errors;
  EXPECT_EQ(two.code, 0) << two.errors;
  const std::string cell = "/lr-0.01_batch-16_epochs-3_seed-42";
  expect_same_bits("one" + cell, "two" + cell);
}

TEST_F(ElmoFinetuneTest, StoppedAndResumedItHasTheSameBits) {
  const Arguments longer{"finetune.epochs=40"};
  const std::string cell = "/lr-0.01_batch-16_epochs-40_seed-42";
  ASSERT_EQ(finetune(0, "whole", longer).code, 0);
  Process stopped = start_finetuning(0, "stopped", longer);
  EXPECT_TRUE(wait_for_steps(stopped, "stopped" + cell, 20)) << "it ended before the signal";
  stopped.signal(SIGUSR1);
  EXPECT_EQ(stopped.wait().code, 75);

  EXPECT_EQ(finetune(0, "stopped", longer).code, 0);

  expect_same_bits("whole" + cell, "stopped" + cell);
}

TEST_F(ElmoFinetuneTest, KeepsAllActivations) {
  expect_error(
      finetune(0, "again", {"parallel.recompute=layers"}), 2,
      {"the model is an ELMo, which keeps all activations; set parallel.recompute to none"});
}

TEST_F(ElmoFinetuneTest, WordsAreTaggedWithAndWithoutACrf) {
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    const std::string word(1, static_cast<char>('a' + i % 25));
    rows += "the O\n" + word + " B-PER\nking I-PER\nwent O\n\n";
  }
  write("train.conll", rows);
  for (const char* head : {"linear", "crf"}) {
    const Ended ended = finetune(0, head,
                                 {"task.kind=tag", "task.name=names", "task.train=[train.conll]",
                                  "finetune.epochs=30", std::string("finetune.head=") + head});

    ASSERT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("span_f1 100.00 -> ")) << head;
    const Ended predicted = run_program(
        {"predict", std::string("runs/") + head, "--data", "train.conll", "--to", "answers"});
    EXPECT_EQ(predicted.code, 0) << predicted.errors;
    EXPECT_THAT(read("answers/predictions.conll"),
                StartsWith("the O O\na B-PER B-PER\nking I-PER I-PER\nwent O O\n\n"));
  }
}

TEST_F(ElmoFinetuneTest, PairsNumbersAndAnswers) {
  write("pairs.tsv", made_pairs(60, 20));
  write("squad.json", made_questions(60, 20));

  const Ended numbers =
      finetune(0, "sts", {"task.kind=regress", "task.name=stsb", "task.train=[pairs.tsv]"});
  const Ended answers = finetune(0, "squad",
                                 {"task.kind=qa", "task.name=squad", "task.train=[squad.json]",
                                  "finetune.epochs=40", "eval.every=60 steps"});

  ASSERT_EQ(numbers.code, 0) << numbers.errors;
  const Ended scored = run_program({"eval", "runs/sts", "--data", "pairs.tsv", "--json"});
  EXPECT_GT(nlohmann::json::parse(scored.output)["pearson"], 0.9) << scored.output;
  ASSERT_EQ(answers.code, 0) << answers.errors;
  const Ended found = run_program({"eval", "runs/squad", "--data", "squad.json", "--json"});
  EXPECT_EQ(nlohmann::json::parse(found.output)["exact_match"], 1.0) << found.output;
  const Ended predicted =
      run_program({"predict", "runs/squad", "--data", "squad.json", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/nbest_predictions.json"), HasSubstr("\"probability\": "));
}

// From random weights the configuration says what the model is.
TEST_F(ElmoFinetuneTest, StartsFromRandomWeightsToo) {
  const Ended ended = finetune(
      0, "fresh", sizes({"model.from=null", "tokenizer.vocab=vocab.txt", "finetune.epochs=1"}));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(config_of("fresh")["model_type"], "bertyard_elmo");
}

// A configuration of one model, model.from of the other: what is stored is the file's.
TEST_F(ElmoFinetuneTest, ThePresetThatIsStoredIsThatOfTheModel) {
  ASSERT_EQ(train(0, "bert").code, 0);
  const Ended elmo = finetune(0, "elmo-task", {"finetune.epochs=1"}),
              bert = finetune(0, "bert-task",
                              sizes({"finetune.epochs=1", "model.from=runs/bert",
                                     "parallel.micro_batch.masked=auto"}));
  ASSERT_EQ(elmo.code, 0) << elmo.errors;
  ASSERT_EQ(bert.code, 0) << bert.errors;

  EXPECT_THAT(read(run("elmo-task") / "best/finetune.yaml"), HasSubstr("preset: elmo"));
  EXPECT_THAT(read(run("bert-task") / "best/finetune.yaml"), HasSubstr("preset: bert-base"));
  for (const char* name : {"runs/elmo-task", "runs/bert-task"}) {
    const Ended scored = run_program({"eval", name, "--data", "train.tsv"});
    EXPECT_EQ(scored.code, 0) << scored.errors;
  }
}

TEST_F(ElmoFinetuneTest, IsRefusedInANarrowPrecision) {
  expect_error(finetune(0, "narrow", {"precision=bf16"}), 2,
               {"finetune: the model is an ELMo", "set precision to fp32"});
}

TEST_F(ElmoFinetuneTest, IsNeitherTeacherNorStudentOnATask) {
  ASSERT_EQ(finetune(0, "tuned", {"finetune.epochs=1"}).code, 0);
  ASSERT_EQ(train(0, "bert").code, 0);
  ASSERT_EQ(finetune(0, "teacher", {"finetune.epochs=1", "model.from=runs/bert"}).code, 0);
  expect_error(
      finetune(0, "student", {"distill.teacher=runs/teacher"}), 2,
      {"the teacher's type is transformer, the student's elmo", "only transformers are distilled"});

  expect_error(
      finetune(0, "student",
               {"model.from=null", "tokenizer.vocab=vocab.txt", "distill.teacher=runs/tuned"}),
      2, {"the teacher's type is elmo", "only transformers are distilled"});
  const Ended exported = run_program({"export", "runs/tuned", "--to", "model", "--verify"});
  EXPECT_EQ(exported.code, 0) << exported.errors;
  EXPECT_THAT(exported.errors, HasSubstr("transformers has no ELMo"));
}

}  // namespace
}  // namespace bertyard
