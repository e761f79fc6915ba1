// SPDX-License-Identifier: Apache-2.0
// `finetune`, `eval` and `predict` as a user runs them: the life of a grid of trainings.
#include <algorithm>
#include <csignal>
#include <map>
#include <string>

#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"

namespace bertyard {
namespace {

using ::testing::ContainsRegex;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Process;
using ::testing::StartsWith;

TEST_F(FinetuneTest, LearnsKeepsTheBestAndPredicts) {
  const Ended trained = finetune(0, "tuned", {"finetune.seeds=[1,2]"});

  ASSERT_EQ(trained.code, 0) << trained.errors;
  EXPECT_THAT(trained.output, HasSubstr("over 2 seeds"));
  EXPECT_THAT(trained.output, HasSubstr("accuracy 100.00 -> runs/tuned/best"));
  EXPECT_THAT(read(run("tuned") / "results.json"), HasSubstr("\"metric\": \"accuracy\""));
  EXPECT_THAT(read(run("tuned") / "best/config.json"),
              HasSubstr("\"BertForSequenceClassification\""));
  const Ended scored = run_program({"eval", "runs/tuned", "--data", "train.tsv", "--json"});
  EXPECT_EQ(scored.code, 0) << scored.errors;
  EXPECT_THAT(scored.output, StartsWith("{\"accuracy\":1.0,"));
  const Ended predicted =
      run_program({"predict", "runs/tuned", "--data", "test.tsv", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/SST-2.tsv"), StartsWith("index\tprediction\n0\t1\n1\t1\n"));
  const Ended again = finetune(0, "tuned", {"finetune.seeds=[1,2]"});
  EXPECT_EQ(again.output, trained.output);
  EXPECT_THAT(again.errors, HasSubstr("done before"));
}

TEST_F(FinetuneTest, AGridIsInspectedPlottedAndExported) {
  ASSERT_EQ(finetune(0, "tuned", {"finetune.seeds=[1,2]", "log.every=2 steps"}).code, 0);

  const Ended inspected = run_program({"inspect", "runs/tuned"});
  EXPECT_EQ(inspected.code, 0) << inspected.errors;
  EXPECT_THAT(inspected.output, StartsWith("fine-tuning runs/tuned: 2 training(s), 2 done\n"));
  EXPECT_THAT(inspected.output, HasSubstr("accuracy 100.00 +- 0.00 over 2 seeds"));
  EXPECT_THAT(inspected.output, HasSubstr("-> runs/tuned/best\n"));
  EXPECT_THAT(run_program({"inspect", "runs/tuned", "--tensor", "classifier.bias"}).output,
              HasSubstr("classifier.bias"));
  const Ended plotted = run_program({"plot", "runs/tuned", "--metric", "accuracy", "--ascii"});
  EXPECT_EQ(plotted.code, 0) << plotted.errors;
  EXPECT_THAT(plotted.output, HasSubstr("seed 1 held out 100.0%"));
  EXPECT_THAT(plotted.output, HasSubstr("seed 2 held out 100.0%"));
  EXPECT_EQ(run_program({"plot", "runs/tuned"}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(run("tuned") / "plots/loss.svg"));
  const Ended exported = run_program({"export", "runs/tuned", "--to", "hf", "--verify"});
  EXPECT_EQ(exported.code, 0) << exported.errors;
  EXPECT_THAT(exported.output, HasSubstr("verified: read back"));
  EXPECT_EQ(read(path("hf/config.json")), read(run("tuned") / "best/config.json"));
  EXPECT_EQ(read(path("hf/finetune.yaml")), read(run("tuned") / "best/finetune.yaml"));
  EXPECT_EQ(run_program({"eval", "hf", "--data", "train.tsv", "--json"}).code, 0);
}

TEST_F(FinetuneTest, ACellIsARunLikeAnyOther) {
  ASSERT_EQ(finetune(0, "tuned").code, 0);
  const std::string cell_path = "runs/" + cell("tuned");

  const Ended inspected = run_program({"inspect", cell_path});
  EXPECT_EQ(inspected.code, 0) << inspected.errors;
  EXPECT_THAT(inspected.output, HasSubstr("held out   step "));
  EXPECT_THAT(inspected.output, HasSubstr("best       step "));
  EXPECT_THAT(inspected.output, ContainsRegex("checkpoint +tokens +trained for +accuracy"));
  EXPECT_THAT(inspected.output, ContainsRegex("step-[0-9]+ .* 100.00\n"));
  EXPECT_THAT(inspected.output, Not(HasSubstr("nan")));
  EXPECT_THAT(run_program({"inspect", cell_path + "/checkpoints/best"}).output,
              HasSubstr("score 1.0000"));
  EXPECT_THAT(run_program({"plot", cell_path, "--ascii"}).output, HasSubstr("seed-42: loss\n"));
  std::int64_t event_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run(cell("tuned")))) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("events.out.tfevents.")) continue;
    ++event_files;
    for (const char* tag : {"train/loss", "train/right", "held_out/loss", "held_out/accuracy"}) {
      EXPECT_THAT(read(entry.path()), HasSubstr(tag));
    }
  }
  EXPECT_EQ(event_files, 1);
}

TEST_F(FinetuneTest, OfACellTheBestStepIsTaken) {
  ASSERT_EQ(finetune(0, "tuned").code, 0);
  const std::filesystem::path directory = run(cell("tuned"));
  const std::string best = std::filesystem::read_symlink(directory / "checkpoints/best").string();
  const std::string latest =
      std::filesystem::read_symlink(directory / "checkpoints/latest").string();
  ASSERT_NE(best, latest);

  const Ended exported = run_program({"export", "runs/" + cell("tuned"), "--to", "hf"});

  ASSERT_EQ(exported.code, 0) << exported.errors;
  EXPECT_EQ(read(path("hf/model.safetensors")),
            read(directory / "checkpoints/best/model.safetensors"));
}

TEST_F(FinetuneTest, AGridThatIsNotDoneSaysSo) {
  const Arguments longer{"finetune.epochs=40", "finetune.early_stopping=90"};
  const std::string begun = "begun/lr-0.002_batch-16_epochs-40_seed-42";
  Process stopped = start_finetuning(0, "begun", longer);
  ASSERT_TRUE(wait_for_steps(stopped, begun, 12)) << "it ended before the signal";
  stopped.signal(SIGUSR1);
  ASSERT_EQ(stopped.wait().code, 75);

  EXPECT_THAT(run_program({"inspect", "runs/begun"}).output,
              ContainsRegex("1 training\\(s\\), 0 done\n.*\n.*42 +stopped"));
  expect_error(run_program({"export", "runs/begun", "--to", "hf"}), 3,
               {"1 training(s) have begun and no best model is kept yet"});
  expect_error(run_program({"predict", "runs/begun", "--data", "test.tsv", "--to", "all"}), 3,
               {"1 training(s) have begun and no best model is kept yet"});
  expect_error(run_program({"inspect", "runs/begun", "--tensor", "classifier.bias"}), 3,
               {"the best model is kept when every training is done"});
  EXPECT_EQ(run_program({"predict", "runs/" + begun, "--data", "test.tsv", "--to", "all"}).code, 0);
}

TEST_F(FinetuneTest, WithoutWhatTheBestStepReachedTheEndIsRefused) {
  ASSERT_EQ(finetune(0, "tuned").code, 0);
  std::filesystem::remove(run(cell("tuned")) / "result.json");
  write(run(cell("tuned")) / "best_so_far.json", "{}");

  expect_error(finetune(0, "tuned"), 3, {"best_so_far.json: expected what the best step reached"});
}

TEST_F(FinetuneTest, WhatIsDoneWasMadeOfTheSame) {
  const Arguments once{"finetune.epochs=1"};
  const auto again = [&](const Arguments& more) { return finetune(0, "tuned", with(once, more)); };
  ASSERT_EQ(again({}).code, 0);
  ASSERT_EQ(train(0, "pretrained").code, 0);

  expect_error(again({"model.from=runs/pretrained", "tokenizer.vocab=null"}), 2,
               {"holds the result of another configuration", "start weights hash was random, is",
                "give the run another run.name"});
  expect_error(again({"task.max_length=16"}), 2, {"task.max_length was 32, is 16"});
  expect_error(again({"finetune.class_weights=[1,2]"}), 2,
               {"finetune.class_weights was [], is [1, 2]"});
  expect_error(again({"task.metric=f1"}), 2, {"task.metric was auto, is f1"});
  write("train.tsv", made_sentences(80));
  expect_error(again({}), 2, {"training text hash was"});
}

TEST_F(FinetuneTest, TheBestModelAnswersTheTestFiles) {
  const Ended trained = finetune(0, "tuned", {"task.test=[test.tsv]", "finetune.seeds=[1,2]"});

  ASSERT_EQ(trained.code, 0) << trained.errors;
  EXPECT_THAT(trained.output, HasSubstr("runs/tuned/predictions/SST-2.tsv"));
  EXPECT_THAT(read(run("tuned") / "predictions/SST-2.tsv"),
              StartsWith("index\tprediction\n0\t1\n1\t1\n"));
  expect_error(finetune(0, "tuned", {"task.test=[none.tsv]", "finetune.seeds=[1,2]"}), 3,
               {"none.tsv"});
}

TEST_F(FinetuneTest, RanksAnswerTheTestFilesTogether) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended trained = finetune(2, "tuned", {"task.test=[test.tsv]"});

  ASSERT_EQ(trained.code, 0) << trained.errors;
  EXPECT_THAT(read(run("tuned") / "predictions/SST-2.tsv"),
              StartsWith("index\tprediction\n0\t1\n1\t1\n"));
}

TEST_F(FinetuneTest, StoppedAndResumedItHasTheSameBits) {
  const Arguments longer{"finetune.epochs=40", "finetune.early_stopping=90"};
  const std::string cell = "/lr-0.002_batch-16_epochs-40_seed-42";
  const std::string whole_cell = "whole" + cell, stopped_cell = "stopped" + cell;
  ASSERT_EQ(finetune(0, "whole", longer).code, 0);
  Process stopped = start_finetuning(0, "stopped", longer);
  EXPECT_TRUE(wait_for_steps(stopped, stopped_cell, 12)) << "it ended before the signal";
  stopped.signal(SIGUSR1);

  const Ended ended = stopped.wait();
  EXPECT_EQ(ended.code, 75) << ended.errors;
  const Ended resumed = finetune(0, "stopped", longer);

  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  expect_same_bits(stopped_cell, whole_cell);
  EXPECT_EQ(read(run(stopped_cell) / "evaluations.txt"), read(run(whole_cell) / "evaluations.txt"));
}

TEST_F(FinetuneTest, OrderedReductionGivesTheSameBitsForAnyRanks) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments ordered{"parallel.reduction=ordered", "parallel.leaves=2",
                          "parallel.micro_batch.tokens=48"};

  const Ended one = finetune(1, "one", ordered), two = finetune(2, "two", ordered);

  EXPECT_EQ(one.code, 0) << one.errors;
  EXPECT_EQ(two.code, 0) << two.errors;
  expect_same_bits(cell("one"), cell("two"));
}

TEST_F(FinetuneTest, StopsEarlyWhereNothingIsGained) {
  const Ended ended = finetune(
      0, "early", {"finetune.early_stopping=1", "finetune.lr=1e-12", "eval.every=2 steps"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(steps("early/lr-1e-12_batch-16_epochs-8_seed-42"), 4);
}

TEST_F(FinetuneTest, AFineTunedModelIsStartedFromWithoutItsHead) {
  ASSERT_EQ(finetune(0, "first", {"finetune.epochs=4"}).code, 0);
  std::string rows = "sentence\tlabel\n";
  for (int i = 0; i < 60; ++i) rows += "a good day\t" + std::to_string(i % 3) + "\n";
  write("three.tsv", rows);
  write("valid.tsv", made_sentences(20));
  const Arguments from{"model.from=runs/first", "tokenizer.vocab=null", "finetune.epochs=1"};
  // A step that changes nothing shows the head as it was drawn.
  const Arguments still{"finetune.lr=1e-30", "task.valid=[valid.tsv]"};

  const Ended more = finetune(0, "more", with(from, still));
  const Ended other = finetune(
      0, "other",
      with(from, {"task.train=[three.tsv]", "task.name=three", "task.columns.text=sentence",
                  "task.columns.label=label", "task.valid=[three.tsv]"}));

  ASSERT_EQ(more.code, 0) << more.errors;
  EXPECT_EQ(other.code, 0) << other.errors;  // another number of labels is not in the way
  const auto tensor = [&](const std::string& name) {
    const Ended shown = run_program({"inspect", name, "--tensor", "classifier.weight"});
    return shown.output.substr(std::min(shown.output.size(), shown.output.find("  shape")));
  };
  EXPECT_NE(tensor("runs/more/best"), tensor("runs/first/best"));
  std::filesystem::rename(run("first") / "best/model.safetensors",
                          run("first") / "best/pytorch_model.bin");
  expect_error(finetune(0, "pickled", from), 3, {"pickled weights are not read"});
}

TEST_F(FinetuneTest, TheVocabularyIsThatOfTheModel) {
  ASSERT_EQ(train(0, "pretrained").code, 0);
  std::string words = read("vocab.txt");  // as many of them, in another order
  const std::size_t last = words.rfind('\n', words.size() - 2);
  const std::size_t before = words.rfind('\n', last - 1);
  write("other.txt", words.substr(0, before + 1) + words.substr(last + 1) +
                         words.substr(before + 1, last - before));
  const std::string from = "model.from=runs/pretrained";

  expect_error(finetune(0, "x", {from, "tokenizer.vocab=other.txt"}), 2,
               {"other.txt is another vocabulary than that of model.from", "runs/pretrained"});
  expect_error(
      finetune(0, "x", {from, "tokenizer.lower_case=false"}), 2,
      {"lower_case: false", "is not what model.from", "was trained with: lower_case: true"});
  EXPECT_EQ(finetune(0, "same", {from, "finetune.epochs=1"}).code, 0);
}

TEST_F(FinetuneTest, MistakesAreNamed) {
  expect_error(finetune(0, "x", {"task.kind=none"}), 2, {"task.kind is none", "classify, pair"});
  expect_error(finetune(0, "x", {"task.train=[]"}), 2, {"task.train", "finetune"});
  expect_error(finetune(0, "x", {"task.held_out=0%"}), 3, {"nothing is held out", "task.valid"});
  expect_error(finetune(0, "x", {"task.train=[none.tsv]"}), 3, {"none.tsv: does not exist"});
  expect_error(finetune(0, "x", {"finetune.class_weights=[1,2,3]"}), 2,
               {"finetune.class_weights has 3 values", "each of the 2 labels"});
  expect_error(finetune(0, "x", {"finetune.class_weights=[inf,1]"}), 2,
               {"finetune.class_weights: 'inf' is no weight", "a finite number of at least 0"});
  expect_error(finetune(0, "x", {"parallel.shard_optimizer=true"}), 2,
               {"parallel.shard_optimizer", "'finetune' keeps the whole", "set it to false"});
  expect_error(finetune(0, "x", {"task.max_length=33"}), 2,
               {"task.max_length: 33 is more than the 32 positions of the model", "32 or less"});
  expect_error(finetune(0, "x", {"finetune.head=crf"}), 2, {"crf is a head for task.kind: tag"});
  expect_error(finetune(0, "x", {"finetune.head=bilstm"}), 2,
               {"bilstm is a head for task.kind: tag"});
  const std::map<std::string, std::string> replaced{
      {"optim.lr=1e-3", "optim.lr has no effect on a fine-tuning; set finetune.lr"},
      {"optim.warmup=10 steps", "optim.warmup has no effect on a fine-tuning; set finetune.warmup"},
      {"run.seed=7", "run.seed has no effect on a fine-tuning; set finetune.seeds"},
      {"optim={lr: 1e-3}", "optim.lr has no effect on a fine-tuning; set finetune.lr"},
      {"schedule=[{until: 9 steps, length: 32, global_batch: 8}]",
       "schedule.0.global_batch has no effect on a fine-tuning"},
      {"schedule.0.until=9 steps", "set finetune.batch, finetune.epochs and task.max_length"},
      {"checkpoint.keep_last=3", "the last checkpoint and the best are kept"}};
  for (const auto& [change, message] : replaced) {
    expect_error(finetune(0, "x", {change}), 2, {"<command line>", message});
  }
  expect_error(run_program({"predict", "data", "--data", "test.tsv", "--to", "out"}), 3,
               {"expected a fine-tuned model"});
}

}  // namespace
}  // namespace bertyard
