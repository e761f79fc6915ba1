// SPDX-License-Identifier: Apache-2.0
// `finetune` on an emulated GPU, held against the same on the CPU.
#include <nlohmann/json.hpp>

#include "tests/launch/made_text.h"
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;

class EmulatedFinetuneTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    std::string rows = "sentence\tlabel\n", tags;
    for (int i = 0; i < 16; ++i) {
      const std::string word(1, static_cast<char>('a' + i % 13));
      const bool good = i % 3 != 0;  // sentences of two lengths
      rows += word + (good ? " good " : " bad and so very bad ") + word + " day\t" +
              (good ? "1" : "0") + "\n";
      tags += "the O\nking B-PER\n" + word + " I-PER\n" + (good ? "went O\n\n" : "\n");
    }
    write("train.tsv", rows);
    write("train.conll", tags);
    write("squad.json", made_questions(16, 13));
  }

  static Arguments task(const std::string& kind, const std::string& name, const std::string& data) {
    return {"task.kind=" + kind, "task.name=" + name, "task.train=[" + data + "]",
            "task.valid=[" + data + "]"};
  }
  // Ends in runs/NAME.
  Ended finetune(int ranks, const std::string& name, const Arguments& arguments) const {
    const Arguments small{"finetune",
                          config(),
                          "run.name=" + name,
                          "model.layers=1",
                          "parallel.micro_batch.sequences=4",
                          "task.max_length=32",
                          "precision=fp32",
                          "finetune.lr=2e-3",
                          "finetune.batch=8",
                          "finetune.epochs=2"};
    return start(program_command(ranks, with(small, arguments), BERTYARD_EMULATED_PROGRAM))
        .wait(std::chrono::seconds(200));
  }
  double held_out_loss(const std::string& name) const {
    const auto cell = run(name) / "lr-0.002_batch-8_epochs-2_seed-42";
    return nlohmann::json::parse(read(cell / "result.json")).at("held_out_loss");
  }
  // The same on both devices.
  void expect_losses_of_the_cpu(int ranks, const Arguments& arguments, double tolerance) const {
    const Ended gpu = finetune(ranks, "gpu", arguments);
    ASSERT_EQ(gpu.code, 0) << gpu.errors;
    EXPECT_THAT(read(run("gpu") / "lr-0.002_batch-8_epochs-2_seed-42/env.json"),
                ::testing::HasSubstr("emulated sm_90"));
    const Ended cpu =
        finetune(0, "cpu", with(arguments, {"parallel.backend=cpu", "parallel.comm=auto"}));
    ASSERT_EQ(cpu.code, 0) << cpu.errors;
    EXPECT_LT(relative_difference(held_out_loss("gpu"), held_out_loss("cpu")), tolerance)
        << held_out_loss("gpu") << " and " << held_out_loss("cpu");
  }
};

TEST_F(EmulatedFinetuneTest, ClassesHaveTheLossesOfTheCpu) {
  expect_losses_of_the_cpu(0, task("classify", "sst2", "train.tsv"), 1e-4);
}

TEST_F(EmulatedFinetuneTest, TagsHaveTheLossesOfTheCpu) {
  expect_losses_of_the_cpu(0, task("tag", "names", "train.conll"), 1e-4);
}

// Tokens that fill a micro-batch up are behind every answer.
TEST_F(EmulatedFinetuneTest, AnswersHaveTheLossesOfTheCpu) {
  expect_losses_of_the_cpu(0, task("qa", "squad", "squad.json"), 1e-4);
}

TEST_F(EmulatedFinetuneTest, RanksThatShareAGpuHaveTheLossesOfTheCpu) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_losses_of_the_cpu(2,
                           with(task("classify", "sst2", "train.tsv"),
                                {"parallel.comm=host", "parallel.micro_batch.tokens=48"}),
                           1e-4);
}

TEST_F(EmulatedFinetuneTest, InOrderRanksThatShareAGpuHaveTheBitsOfOne) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments ordered = with(task("classify", "sst2", "train.tsv"),
                                 {"parallel.comm=host", "parallel.micro_batch.tokens=48",
                                  "parallel.reduction=ordered", "parallel.leaves=2"});
  for (const int ranks : {1, 2}) {
    const Ended ended = finetune(ranks, "ranks" + std::to_string(ranks), ordered);
    ASSERT_EQ(ended.code, 0) << ended.errors;
  }

  EXPECT_EQ(held_out_loss("ranks2"), held_out_loss("ranks1"));
  const std::string cell = "/lr-0.002_batch-8_epochs-2_seed-42/";
  EXPECT_EQ(read("runs/ranks2" + cell + "loss.log"), read("runs/ranks1" + cell + "loss.log"));
  EXPECT_THAT(read("runs/ranks2" + cell + "kernel_choices.txt"),
              ::testing::StartsWith("plain loops, emulated sm_90"));
}

TEST_F(EmulatedFinetuneTest, WhatAGpuLacksIsRefusedAtTheStart) {
  const Arguments crf = with(task("tag", "names", "train.conll"), {"finetune.head=crf"});
  expect_error(finetune(0, "crf", with(crf, {"parallel.backend=cuda"})), 2,
               {"finetune.head: crf does not go with parallel.backend: cuda; set parallel.backend "
                "to cpu"});
  EXPECT_FALSE(std::filesystem::exists(run("crf")));
  const Ended on_cpu = finetune(0, "auto", with(crf, {"precision=auto"}));
  EXPECT_EQ(on_cpu.code, 0) << on_cpu.errors;
}

TEST_F(EmulatedFinetuneTest, AnElmoComputesOnTheCpu) {
  const Arguments classes =
      with(task("classify", "sst2", "train.tsv"), {"precision=null"});  // bf16, were it a GPU's
  const Ended own =
      finetune(0, "elmo",
               with(classes, {"model.preset=elmo", "model.heads=null", "model.intermediate=128"}));
  ASSERT_EQ(own.code, 0) << own.errors;
  EXPECT_THAT(read(run("elmo") / "lr-0.002_batch-8_epochs-2_seed-42/env.json"),
              ::testing::Not(::testing::HasSubstr("emulated")));

  expect_error(finetune(0, "gpu",
                        with(classes, {"model.from=" + (run("elmo") / "best").string(),
                                       "parallel.backend=cuda"})),
               2,
               {"an ELMo, whose LSTMs compute on the CPU, does not go with parallel.backend: cuda; "
                "set parallel.backend to cpu"});
}

}  // namespace
}  // namespace bertyard
