// SPDX-License-Identifier: Apache-2.0
// `distill` as a user runs it: a student of a pre-trained and of a fine-tuned teacher.
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Process;

class DistillTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    const Ended teacher = train(0, "teacher", {"model.layers=2"});
    ASSERT_EQ(teacher.code, 0) << teacher.errors;
  }
  Process start_distill(int ranks, const std::string& name, const Arguments& more = {}) const {
    const Arguments verb{"distill", config(), "run.name=" + name, "model.layers=1",
                         "distill.teacher=runs/teacher"};
    return start(program_command(ranks, with(verb, more)));
  }
  Ended distill(int ranks, const std::string& name, const Arguments& more = {}) const {
    return start_distill(ranks, name, more).wait();
  }
};

TEST_F(DistillTest, TrainsAStudentAndComparesTheTwo) {
  const Ended ended = distill(0, "student", {"log.jsonl=true"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("teacher"));
  EXPECT_THAT(ended.output, HasSubstr("1 x 64"));
  EXPECT_THAT(ended.output, HasSubstr("mlm_loss"));
  EXPECT_THAT(read(run("student") / "distillation.json"), HasSubstr("\"samples_per_second\""));
  const std::string metrics = read(run("student") / "metrics.jsonl");
  for (const char* term : {"loss_soft", "loss_cosine", "loss_hidden", "loss_attention"}) {
    EXPECT_THAT(metrics, HasSubstr(term));
  }
  const Ended again = distill(0, "student");  // nothing is left to train
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("student"));
  const Ended dry = distill(0, "dry", {"--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.errors;
}

TEST_F(DistillTest, TheStudentBeginsWithTheTeachersLayers) {
  const Arguments still{"optim.lr=1e-30", "distill.layers=[2]", "schedule.0.until=1 steps",
                        "optim.warmup=0 steps"};

  ASSERT_EQ(distill(0, "still", still).code, 0);

  const auto tensor = [&](const std::string& run, const std::string& name) {
    return run_program({"inspect", run, "--tensor", name}).output;
  };
  const auto values = [](const std::string& text) { return text.substr(text.find("  shape")); };
  EXPECT_EQ(values(tensor("runs/still", "bert.encoder.layer.0.output.dense.weight")),
            values(tensor("runs/teacher", "bert.encoder.layer.1.output.dense.weight")));
  EXPECT_NE(values(tensor("runs/still", "bert.encoder.layer.0.output.dense.weight")),
            values(tensor("runs/teacher", "bert.encoder.layer.0.output.dense.weight")));
}

TEST_F(DistillTest, StoppedAndResumedItHasTheSameBits) {
  const Arguments layers{"distill.hidden=1", "distill.attention=1",  "distill.cosine=0",
                         "model.hidden=32",  "distill.start=random", "schedule.0.until=60 steps"};
  ASSERT_EQ(distill(0, "whole", layers).code, 0);
  Process stopped = start_distill(0, "stopped", layers);
  EXPECT_TRUE(wait_for_steps(stopped, "stopped", 12)) << "it ended before the signal";
  stopped.signal(SIGUSR1);

  const Ended ended = stopped.wait();
  EXPECT_EQ(ended.code, 75) << ended.errors;
  const Ended resumed = distill(0, "stopped", layers);

  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("step 60"));
  expect_same_bits("stopped", "whole");
  const Ended exported = run_program({"export", "runs/whole", "--to", "hf", "--verify"});
  EXPECT_EQ(exported.code, 0) << exported.errors;
  EXPECT_THAT(read("hf/model.safetensors"), Not(HasSubstr("distill.fit")));
}

TEST_F(DistillTest, LayersComputedAgainAreTheSameBits) {
  const Arguments layers{"model.layers=3", "distill.layers=[1,2,2]", "distill.hidden=1",
                         "distill.start=random"};
  ASSERT_EQ(distill(0, "kept", layers).code, 0);

  const Ended again = distill(0, "again", with(layers, {"parallel.recompute=layers"}));

  ASSERT_EQ(again.code, 0) << again.errors;
  expect_same_bits("kept", "again");
}

TEST_F(DistillTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments ordered{"parallel.reduction=ordered", "parallel.leaves=2", "distill.hidden=1",
                          "distill.attention=1"};

  const Ended one = distill(1, "one", ordered), two = distill(2, "two", ordered);

  EXPECT_EQ(one.code, 0) << one.errors;
  EXPECT_EQ(two.code, 0) << two.errors;
  expect_same_bits("one", "two");
}

TEST_F(DistillTest, MistakesAreNamed) {
  expect_error(distill(0, "x", {"distill.teacher=null"}), 2, {"distill.teacher", "distill"});
  expect_error(distill(0, "x", {"distill.teacher=nowhere"}), 3, {"nowhere", "found nothing"});
  expect_error(distill(0, "x", {"precision=bf16"}), 2,
               {"a student and its teacher compute in fp32; set precision to fp32"});
  expect_error(distill(0, "x", {"model.hidden=32", "distill.cosine=0"}), 2,
               {"distill.start: teacher copies layers", "set distill.start to random"});
  expect_error(distill(0, "x", {"model.attention=causal", "parallel.micro_batch.masked=96"}), 2,
               {"the student's causal", "set model.attention to bidirectional"});
  expect_error(run_program({"bench", config(), "distill.teacher=runs/teacher"}), 2,
               {"bench", "add distill.teacher=null"});
  write("words.txt", read("vocab.txt") + "anotherword\n");
  expect_error(distill(0, "x", {"tokenizer.vocab=words.txt", "--dry-run", "data.train=nowhere"}), 3,
               {"its vocabulary is another one than tokenizer.vocab's", "the teacher's vocab.txt"});
}

TEST_F(DistillTest, AResumedRunKeepsItsTeacher) {
  ASSERT_EQ(distill(0, "student", {"schedule.0.until=24 steps"}).code, 0);
  ASSERT_EQ(train(0, "other", {"run.seed=8", "model.layers=2"}).code, 0);

  expect_error(distill(0, "student", {"distill.teacher=runs/other"}), 3, {"teacher weights hash"});
}

class TaskDistillTest : public DistillTest {
 protected:
  void SetUp() override {
    DistillTest::SetUp();
    write("train.tsv", made_sentences(90));
    const Ended tuned = finetune("taught");
    ASSERT_EQ(tuned.code, 0) << tuned.errors;
  }
  Ended finetune(const std::string& name, const Arguments& more = {}) const {
    return run_program(with(with({"finetune", config(), "run.name=" + name,
                                  "model.from=runs/teacher", "tokenizer.vocab=null"},
                                 task()),
                            more));
  }
  static std::string cell(const std::string& name) {
    return name + "/lr-0.002_batch-16_epochs-8_seed-42";
  }
  static Arguments task(const Arguments& more = {}) {
    return with(with(sentence_task(), {"finetune.warmup=10%", "model.init_range=0.05"}), more);
  }
  static Arguments taught(const Arguments& more = {}) {
    return with(task({"distill.teacher=runs/taught"}), more);
  }
};

TEST_F(TaskDistillTest, LearnsTheTaskComparesAndHasTheSameBitsAfterAStop) {
  const Arguments longer{"finetune.epochs=40", "finetune.early_stopping=90", "distill.hidden=1"};
  const std::string cell = "/lr-0.002_batch-16_epochs-40_seed-42";
  const Ended whole = distill(0, "whole", taught(longer));
  ASSERT_EQ(whole.code, 0) << whole.errors;
  EXPECT_THAT(whole.output, HasSubstr("accuracy 100.00 -> runs/whole/best"));
  EXPECT_THAT(whole.output, HasSubstr("held out: "));
  EXPECT_THAT(read(run("whole") / "distillation.json"), HasSubstr("\"accuracy\": 1.0"));
  EXPECT_THAT(read(run("whole" + cell) / "metrics.jsonl"), HasSubstr("loss_hidden"));
  Process stopped = start_distill(0, "stopped", taught(longer));
  EXPECT_TRUE(wait_for_steps(stopped, "stopped" + cell, 12)) << "it ended before the signal";
  stopped.signal(SIGUSR1);

  const Ended ended = stopped.wait();
  EXPECT_EQ(ended.code, 75) << ended.errors;
  const Ended resumed = distill(0, "stopped", taught(longer));

  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  expect_same_bits("stopped" + cell, "whole" + cell);
  for (const char* weights :
       {"/checkpoints/best/model.safetensors", "/../best/model.safetensors"}) {
    EXPECT_TRUE(read(run("stopped" + cell + weights)) == read(run("whole" + cell + weights)));
  }
  auto first = nlohmann::json::parse(read(run("whole" + cell) / "result.json"));
  auto second = nlohmann::json::parse(read(run("stopped" + cell) / "result.json"));
  first.erase("seconds");
  second.erase("seconds");
  EXPECT_EQ(first, second);
}

TEST_F(TaskDistillTest, ANarrowModelThatHadNoTeacherIsStartedFrom) {
  const Arguments narrow{"model.layers=1", "model.hidden=32", "finetune.epochs=1"};
  ASSERT_EQ(run_program(with({"finetune", config(), "run.name=alone"}, task(narrow))).code, 0);

  const Ended ended =
      distill(0, "student",
              taught(with(narrow, {"distill.hidden=1", "distill.cosine=0", "model.from=runs/alone",
                                   "tokenizer.vocab=null"})));

  EXPECT_EQ(ended.code, 0) << ended.errors;
}

TEST_F(TaskDistillTest, AKillAfterTheResultIsMended) {
  std::filesystem::remove(run(cell("taught")) / "checkpoints/best/finetune.yaml");
  std::filesystem::remove_all(run("taught") / "best");

  const Ended again = finetune("taught");

  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_THAT(read(run("taught") / "best/finetune.yaml"), HasSubstr("sst2"));
}

TEST_F(TaskDistillTest, TestRowsWithoutAnAnswerDoNotCostTheComparison) {
  write("bad.tsv", "sentence\tlabel\na good day\t1\n\xff\xfe\t0\n");

  const Ended ended = distill(0, "student", taught({"task.test=[bad.tsv]"}));

  EXPECT_EQ(ended.code, 3) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("bad.tsv: 1 row(s) have no answer"));
  EXPECT_THAT(read(run("student") / "distillation.json"), HasSubstr("\"accuracy\""));
}

TEST_F(TaskDistillTest, LayersAloneKeepTheLastStepWithoutAScore) {
  const Arguments layers =
      taught({"distill.soft=0", "distill.hard=0", "distill.hidden=1", "distill.attention=1",
              "finetune.early_stopping=1", "eval.every=2 steps"});

  const Ended ended = distill(0, "student", layers);

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("no score: distill.soft and distill.hard are 0"));
  EXPECT_THAT(ended.output, HasSubstr("no scores: distill.soft and distill.hard are 0"));
  EXPECT_THAT(ended.errors, Not(HasSubstr("held-out loss")));
  const auto best = nlohmann::json::parse(read(run("student") / "results.json"))["best"];
  EXPECT_EQ(best["best_step"], steps(cell("student")));
  EXPECT_GT(best["steps"], 20);
  EXPECT_TRUE(best["scores"]["score"].is_null());
  EXPECT_TRUE(read(run("student") / "best/model.safetensors") ==
              read(run(cell("student")) / "checkpoints/latest/model.safetensors"));
  EXPECT_THAT(read(run("student") / "distillation.json"), Not(HasSubstr("accuracy")));
  EXPECT_EQ(distill(0, "student", layers).code, 0);  // nothing is left to train
  EXPECT_THAT(run_program({"inspect", "runs/student"}).output, HasSubstr("  none "));
  expect_error(distill(0, "x", with(layers, {"finetune.seeds=[1,2]"})), 2,
               {"no score tells the 2 trainings of the grid apart", "one value each"});
  expect_error(distill(0, "x", with(layers, {"task.test=[train.tsv]"})), 2,
               {"task.test", "no head is trained that could answer"});
}

TEST_F(TaskDistillTest, AModelWithTokenizerJsonAloneIsRead) {
  const auto best = run("taught") / "best";
  nlohmann::json vocabulary;
  std::istringstream lines(read(best / "vocab.txt"));
  std::int64_t id = 0;
  for (std::string line; std::getline(lines, line);) vocabulary[line] = id++;
  const nlohmann::json tokenizer{{"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}}},
                                 {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
                                 {"model", {{"type", "WordPiece"}, {"vocab", vocabulary}}}};
  write(best / "tokenizer.json", tokenizer.dump());
  const Arguments eval{"eval", "runs/taught", "--data", "train.tsv", "--json"};
  const std::string scores = run_program(eval).output;

  std::filesystem::remove(best / "vocab.txt");
  const Ended read_alone = run_program(eval);
  std::filesystem::remove(best / "tokenizer.json");

  EXPECT_EQ(read_alone.code, 0) << read_alone.errors;
  EXPECT_EQ(read_alone.output, scores);
  expect_error(run_program(eval), 3,
               {"there is no vocab.txt and no tokenizer.json", "put the one"});
}

TEST_F(TaskDistillTest, EvalLeavesOutTheWeightsOfClassesAsTrainingDoes) {
  const Ended tuned = finetune(
      "weighted", {"finetune.class_weights=[1,5]", "finetune.epochs=1", "task.valid=[train.tsv]"});
  ASSERT_EQ(tuned.code, 0) << tuned.errors;

  const Ended scored = run_program({"eval", "runs/weighted", "--data", "train.tsv", "--json"});

  ASSERT_EQ(scored.code, 0) << scored.errors;
  const auto best = nlohmann::json::parse(read(run("weighted") / "results.json"))["best"];
  EXPECT_NEAR(nlohmann::json::parse(scored.output)["loss"].get<double>(),
              best["held_out_loss"].get<double>(), 1e-5);  // sums in another order
}

TEST_F(TaskDistillTest, EvalOfAFineTunedModelHasNoSamplesToCount) {
  const Arguments eval{"eval", "runs/taught", "--data", "train.tsv"};
  for (const Arguments& option : {Arguments{"--samples", "3"}, Arguments{"--length", "16"}}) {
    expect_error(run_program(with(eval, option)), 2, {"--samples and --length", "leave them out"});
  }
}

TEST_F(TaskDistillTest, MistakesAreNamed) {
  expect_error(distill(0, "x", taught({"finetune.class_weights=[balanced]"})), 2,
               {"'finetune.class_weights' do not go with a teacher"});
  expect_error(distill(0, "x", taught({"task.labels=[1,0]"})), 3,
               {"a class of [0, 1]", "the task is a class of [1, 0]", "task.labels"});
  expect_error(distill(0, "x", task()), 3, {"runs/teacher", "expected a fine-tuned model"});
  expect_error(distill(0, "x", taught({"--dry-run"})), 2,
               {"distill --dry-run", "task.kind to none"});
}

}  // namespace
}  // namespace bertyard
