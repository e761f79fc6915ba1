// SPDX-License-Identifier: Apache-2.0
// `compare`: from texts to the table of system x task, stopped, started again and under mpirun.
#include <algorithm>
#include <csignal>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/launch/made_text.h"
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Process;

class CompareTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    write("words.tsv", made_sentences(60));
    write("pairs.tsv", made_pairs(60, 13));
    write("bert.yaml", "extends: run.yaml\nrun: {name: bert}\n");
    write("gpt.yaml",
          "extends: run.yaml\nrun: {name: gpt}\nmodel: {attention: causal}\n"
          "parallel: {micro_batch: {masked: auto}}\n");
    write("words.yaml", task("words", "classify", "sst2"));
    write("pairs.yaml", task("pairs", "regress", "stsb"));
    write("cmp.yaml", R"(run: {name: cmp}
seeds: [1, 2]
systems:
  - {name: BERT, pretrain: bert.yaml}
  - {name: GPT, pretrain: gpt.yaml}
  - {name: random, from: random, set: [model.preset=bert-tiny]}
tasks: [words.yaml, pairs.yaml]
)");
  }
  static std::string task(const std::string& name, const std::string& kind,
                          const std::string& layout) {
    return "extends: run.yaml\nrun: {name: " + name + "}\ntask: {kind: " + kind +
           ", name: " + layout + ", train: [" + name +
           ".tsv], max_length: 32, held_out: 20%}\n"
           "finetune: {lr: [2e-3, 1e-9], batch: 16, epochs: 4}\neval: {every: never}\n";
  }
  Process start_comparison(int ranks, const Arguments& more = {}) const {
    return start(program_command(ranks, with({"compare", path("cmp.yaml").string()}, more)));
  }
  Ended compare(int ranks = 0, const Arguments& more = {}) const {
    return start_comparison(ranks, more).wait();
  }
  nlohmann::json table(const std::string& name = "cmp") const {
    return nlohmann::json::parse(read(run(name) / "comparison.json"));
  }
  // Of the settings that were tried.
  double best_mean(const std::string& system, const std::string& task) const {
    const auto results = nlohmann::json::parse(read(run("cmp") / system / task / "results.json"));
    EXPECT_EQ(results["settings"].size(), 2u);
    double best = -1;
    for (const auto& setting : results["settings"]) {
      best = std::max(best, setting["mean"].get<double>());
    }
    return best;
  }
  // The table without what depends on the clock.
  nlohmann::json scores(const std::string& name = "cmp") const {
    nlohmann::json json = table(name);
    for (auto& system : json["systems"]) system.erase("seconds");
    return json;
  }
};

TEST_F(CompareTest, RunsWhatIsNotDoneAndMakesTheTable) {
  const Ended first = compare();

  ASSERT_EQ(first.code, 0) << first.errors;
  EXPECT_THAT(first.output,
              AllOf(HasSubstr("words accuracy"), HasSubstr("pairs pearson"),
                    HasSubstr("over 2 seeds (1, 2). Average over 2 of 2 tasks: words, pairs."),
                    HasSubstr("GLUE over 2 of 9, as its leaderboard counts: sst2, stsb."),
                    HasSubstr("GPT: causal model, runs/gpt, "),
                    HasSubstr("random: random weights, "), HasSubstr("runs/cmp/comparison.md")));
  const nlohmann::json json = table();
  ASSERT_EQ(json["systems"].size(), 3u);
  for (const auto& system : json["systems"]) {
    for (const char* task : {"words", "pairs"}) {
      const auto& by_seed = system["scores"][task]["by_seed"];
      ASSERT_EQ(by_seed.size(), 2u);
      EXPECT_DOUBLE_EQ(system["scores"][task]["mean"],
                       (by_seed[0].get<double>() + by_seed[1].get<double>()) / 2);
      EXPECT_DOUBLE_EQ(system["scores"][task]["mean"], best_mean(system["name"], task));
    }
    EXPECT_NEAR(system["average"]["mean"].get<double>(),
                (system["scores"]["words"]["mean"].get<double>() +
                 system["scores"]["pairs"]["mean"].get<double>()) /
                    2,
                1e-12);
  }
  EXPECT_EQ(json["systems"][0]["tokens"], json["systems"][1]["tokens"]);
  EXPECT_GT(json["systems"][0]["tokens"], 0);
  EXPECT_EQ(json["systems"][2]["tokens"], 0);
  EXPECT_THAT(read(run("cmp") / "comparison.md"), HasSubstr("| BERT | "));

  const Ended again = compare();

  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_THAT(again.errors,
              AllOf(HasSubstr("BERT: pre-trained before, runs/bert"),
                    HasSubstr("GPT, pairs: done before"), Not(HasSubstr(": fine-tuning"))));
  EXPECT_EQ(table(), json);
}

TEST_F(CompareTest, AnElmoStandsBesideBert) {
  const std::string sizes = "preset: elmo, heads: null, hidden: 24, intermediate: 40";
  write("elmo.yaml", "extends: run.yaml\nrun: {name: elmo}\nmodel: {" + sizes +
                         "}\nparallel: {micro_batch: {masked: auto}}\n");
  write("cmp.yaml", R"(run: {name: cmp}
seeds: [1, 2]
systems:
  - {name: BERT, pretrain: bert.yaml}
  - {name: ELMo, pretrain: elmo.yaml, set: ["finetune.lr=[1e-2, 1e-9]", finetune.epochs=8]}
  - name: unread
    from: random
    set: [model.preset=elmo, model.heads=null, model.hidden=24, model.intermediate=40]
tasks: [words.yaml, pairs.yaml]
)");

  const Ended ended = compare();

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("ELMo: elmo model, runs/elmo, "), HasSubstr("unread: random weights"),
                    HasSubstr("Average over 2 of 2 tasks: words, pairs.")));
  const nlohmann::json json = table();
  ASSERT_EQ(json["systems"].size(), 3u);
  EXPECT_EQ(json["systems"][1]["tokens"], json["systems"][0]["tokens"]);
  EXPECT_EQ(json["systems"][1]["parameters"], json["systems"][2]["parameters"]);
  EXPECT_GT(json["systems"][1]["scores"]["words"]["mean"], 0.9);
  const Ended again = compare();
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_THAT(again.errors,
              AllOf(HasSubstr("ELMo: pre-trained before, runs/elmo"),
                    HasSubstr("ELMo, pairs: done before"), Not(HasSubstr(": fine-tuning"))));
  EXPECT_EQ(table(), json);
}

TEST_F(CompareTest, StoppedItGoesOnToTheSameTable) {
  ASSERT_EQ(compare().code, 0);
  const nlohmann::json whole = scores();
  std::filesystem::remove_all(run("cmp") / "GPT");
  Process stopped = start_comparison(0);
  const std::string cell = "cmp/GPT/words/lr-0.002_batch-16_epochs-4_seed-2";
  EXPECT_TRUE(wait_for_steps(stopped, cell, 2)) << "it ended before the signal";
  stopped.signal(SIGUSR1);
  const Ended ended = stopped.wait();
  EXPECT_EQ(ended.code, 75) << ended.errors;

  const Ended partly = compare(0, {"--table"});
  EXPECT_EQ(partly.code, 0) << partly.errors;
  EXPECT_THAT(partly.output, HasSubstr("No average: there is no task that all systems have."));
  EXPECT_EQ(table()["systems"][1]["scores"], nlohmann::json::object());
  const Ended resumed = compare();

  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("seed-1: done before"));
  EXPECT_EQ(scores(), whole);
}

TEST_F(CompareTest, StoppedWhileItPreTrainsItGoesOn) {
  const Arguments longer{"schedule.0.until=300 steps"};
  Process stopped = start_comparison(0, longer);
  EXPECT_TRUE(wait_for_steps(stopped, "bert", 2)) << "it ended before the signal";
  stopped.signal(SIGUSR1);

  const Ended ended = stopped.wait();

  EXPECT_EQ(ended.code, 75) << ended.errors;
  EXPECT_LT(steps("bert"), 300);
  EXPECT_FALSE(std::filesystem::exists(run("gpt")));
}

TEST_F(CompareTest, RanksShareEveryStage) {
  BERTYARD_REQUIRE_MPIRUN();
  std::filesystem::remove_all(path("data"));  // the samples too

  const Ended ended = compare(2, {"parallel.reduction=ordered", "parallel.leaves=2",
                                  "eval.samples=8", "parallel.micro_batch.tokens=48"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("BERT: preparing data/train"),
                                  HasSubstr("GPT: pre-training runs/gpt")));
  EXPECT_EQ(table()["average_over"].size(), 2u);
}

TEST_F(CompareTest, NothingDoneIsATableOfGaps) {
  const Ended ended = compare(0, {"--table"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("No average"));
  EXPECT_FALSE(std::filesystem::exists(run("bert")));
}

TEST_F(CompareTest, ResultsOfAnotherConfigurationAreRefused) {
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1]\nsystems: [{name: none, from: random}]\n"
        "tasks: [words.yaml]\n");
  ASSERT_EQ(compare(0, {"finetune.lr=1e-3", "finetune.epochs=1"}).code, 0);

  expect_error(compare(0, {"finetune.lr=1e-3", "finetune.epochs=1", "task.limit=20"}), 2,
               {"runs/cmp/none/words: holds results of another configuration",
                "task.limit was 0, is 20", "give the comparison another run.name"});
  // More seeds are the same configuration.
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1, 5]\nsystems: [{name: none, from: random}]\n"
        "tasks: [words.yaml]\n");
  const Ended more = compare(0, {"finetune.lr=1e-3", "finetune.epochs=1"});
  EXPECT_EQ(more.code, 0) << more.errors;
  EXPECT_THAT(more.errors, HasSubstr("seed-1: done before"));
  EXPECT_EQ(table()["systems"][0]["scores"]["words"]["by_seed"].size(), 2u);
}

TEST_F(CompareTest, ScoresOfOtherContentsAreRefused) {
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1]\nsystems: [{name: none, from: random}]\n"
        "tasks: [words.yaml]\n");
  const Arguments once{"finetune.lr=1e-3", "finetune.epochs=1"};
  ASSERT_EQ(compare(0, once).code, 0);
  const nlohmann::json whole = scores();

  write("words.tsv", made_sentences(50));
  expect_error(
      compare(0, once), 2,
      {"runs/cmp/none/words: holds results of another configuration", "task.train hash was "});
  std::filesystem::remove(path("words.tsv"));
  expect_error(compare(0, once), 3, {"words.tsv: does not exist"});
  EXPECT_EQ(compare(0, with(once, {"--table"})).code, 0);  // of what was there

  EXPECT_EQ(scores(), whole);
}

TEST_F(CompareTest, RowsWithoutAnAnswerDoNotCostTheTable) {
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1]\nsystems: [{name: none, from: random}]\n"
        "tasks: [words.yaml, pairs.yaml]\n");
  write("bad.tsv", "sentence\tlabel\na good day\t1\n\xff\xfe\t0\n");
  write("words.yaml",
        "extends: run.yaml\nrun: {name: words}\ntask: {kind: classify, name: sst2, "
        "train: [words.tsv], test: [bad.tsv], max_length: 32, held_out: 20%}\n"
        "eval: {every: never}\n");

  for (const char* start : {"the first", "one that has nothing to do"}) {
    const Ended ended = compare(0, {"finetune.lr=1e-3", "finetune.epochs=1", "finetune.batch=16"});

    EXPECT_EQ(ended.code, 3) << start << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("have no answer, named above, in runs/cmp/none/words"));
    EXPECT_EQ(table()["average_over"].size(), 2u);
  }
}

TEST_F(CompareTest, FilesMayMove) {
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1]\nsystems: [{name: none, from: random}]\n"
        "tasks: [words.yaml]\n");
  ASSERT_EQ(compare(0, {"finetune.lr=1e-3", "finetune.epochs=1"}).code, 0);

  std::filesystem::rename(path("words.tsv"), path("moved.tsv"));
  const Ended ended =
      compare(0, {"finetune.lr=1e-3", "finetune.epochs=1", "task.train=[moved.tsv]"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("none, words: done before"));
}

TEST_F(CompareTest, ChangesOfAFineTuningThatHaveNoEffectAreRefused) {
  write("cmp.yaml",
        "run: {name: cmp}\nseeds: [1]\n"
        "systems: [{name: none, from: random, set: [optim.lr=1e-3]}]\ntasks: [words.yaml]\n");

  expect_error(compare(), 2,
               {"cmp.yaml:3:", "optim.lr has no effect on a fine-tuning; set finetune.lr"});
  // On the command line it is of what a comparison pre-trains.
  const Ended ended = compare(0, {"optim.lr=1e-3", "finetune.lr=1e-3", "finetune.epochs=1"});
  EXPECT_EQ(ended.code, 0) << ended.errors;
}

TEST_F(CompareTest, MistakesAreNamedBeforeAnythingRuns) {
  const auto of = [&](const std::string& systems, const std::string& tasks) {
    write("cmp.yaml", "run: {name: cmp}\nsystems: [" + systems + "]\ntasks: [" + tasks + "]\n");
    return compare();
  };
  const std::string random = "{name: none, from: random}";
  expect_error(of(random, "run.yaml"), 2, {"task.train", "compare"});
  write("none.yaml", "extends: words.yaml\ntask: {kind: none}\n");
  expect_error(of(random, "none.yaml"), 2, {"none.yaml: task.kind is none", "finetune"});
  expect_error(of(random, "words.yaml, words.yaml"), 2,
               {"its run.name is words, as that of another task"});
  expect_error(of("{name: none, from: random, set: [tokenizer.vocab=null]}", "words.yaml"), 2,
               {"system none: random weights need a vocabulary"});
  expect_error(of("{name: none, from: random, set: [task.limt=3]}", "words.yaml"), 2,
               {"cmp.yaml:2:", "task.limt", "did you mean"});
  expect_error(of("{name: x, from: nowhere}", "words.yaml"), 3, {"nowhere", "found nothing"});
  expect_error(of("{name: x, pretrain: nowhere.yaml}", "words.yaml"), 2, {"nowhere.yaml"});
  expect_error(
      of("{name: x, from: random, set: [distill.teacher=t, distill.soft=0, distill.hard=0, "
         "distill.hidden=1]}",
         "words.yaml"),
      2, {"system x: its distill.soft and distill.hard are 0", "no score to compare"});
  EXPECT_FALSE(std::filesystem::exists(run("cmp")));
}

}  // namespace
}  // namespace bertyard
