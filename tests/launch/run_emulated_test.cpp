// SPDX-License-Identifier: Apache-2.0
// The whole program on an emulated GPU: what a run needs from a device beside its operations, held
// against the same run on the CPU.
#include <algorithm>
#include <csignal>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;

// Heads of 64, so that 16-bit types run on tensor cores.
const Arguments kSmall{"model.layers=1",
                       "model.hidden=128",
                       "model.intermediate=64",
                       "schedule.0.until=4 steps",
                       "optim.warmup=2 steps",
                       "eval.every=2 steps",
                       "checkpoint.every=2 steps",
                       "parallel.reduction=ordered",
                       "parallel.leaves=2",
                       "schedule.0.global_batch=8",
                       "precision=fp32"};

class EmulatedRunTest : public RunTest {
 protected:
  Arguments gpu_command(int ranks, const std::string& name, const Arguments& more) const {
    return program_command(ranks, with(with({"train", config(), "run.name=" + name}, kSmall), more),
                           BERTYARD_EMULATED_PROGRAM);
  }
  Ended train_on_gpu(int ranks, const std::string& name, const Arguments& more) const {
    return start(gpu_command(ranks, name, more)).wait(std::chrono::seconds(280));
  }
  std::vector<LossLine> losses(const std::string& name) const {
    return parse_losses(read(run(name) / "loss.log"));
  }
  void expect_close(const std::string& name, const std::string& other, double tolerance) const {
    const std::vector<LossLine> found = losses(name), expected = losses(other);
    ASSERT_EQ(found.size(), 4u);
    ASSERT_EQ(expected.size(), 4u);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].masked, expected[i].masked);
      EXPECT_LT(relative_difference(found[i].mlm, expected[i].mlm), tolerance) << "step " << i + 1;
      EXPECT_LT(relative_difference(found[i].sentence, expected[i].sentence), tolerance)
          << "step " << i + 1;
    }
  }
};

TEST_F(EmulatedRunTest, TheDeviceDecidesThePrecisionUnlessTheFileDoes) {
  const auto printed = [this](const Arguments& more) {
    const Arguments command{BERTYARD_EMULATED_PROGRAM, "config", config()};
    return start(with(command, more)).wait().output;
  };
  const char* origin = " # from parallel.backend";

  EXPECT_THAT(printed({}), ::testing::ContainsRegex(std::string("precision: bf16 +") + origin));
  EXPECT_THAT(printed({"parallel.backend=cpu", "precision=auto"}),
              ::testing::ContainsRegex(std::string("precision: fp32 +") + origin));
  EXPECT_THAT(printed({"model.preset=elmo", "model.heads=null", "model.intermediate=128",
                       "parallel.micro_batch.masked=auto"}),
              ::testing::ContainsRegex(std::string("precision: fp32 +") + origin));
  EXPECT_THAT(printed({"precision=fp32"}), ::testing::HasSubstr("# <command line>"));
}

// Dropout, masks and order are keyed alike, so the losses are the CPU's up to rounding.
TEST_F(EmulatedRunTest, ARunOnAGpuHasTheLossesOfTheCpu) {
  const Ended gpu = train_on_gpu(0, "gpu", {"parallel.backend=cuda"});
  ASSERT_EQ(gpu.code, 0) << gpu.errors;
  EXPECT_THAT(read(run("gpu") / "logs/rank-0000.log"), ::testing::HasSubstr("emulated sm_90"));
  ASSERT_EQ(train(0, "cpu", kSmall).code, 0);

  expect_close("gpu", "cpu", 1e-5);
  const Ended exported = run_program({"export", run("gpu").string(), "--to", path("hf").string()});
  EXPECT_EQ(exported.code, 0) << exported.errors;
}

TEST_F(EmulatedRunTest, ReplayedMicroBatchesHaveTheBitsOfThoseThatAreNot) {
  ASSERT_EQ(train_on_gpu(0, "replayed", {"parallel.backend=cuda"}).code, 0);
  ASSERT_EQ(train_on_gpu(0, "plain", {"parallel.backend=cuda", "parallel.graphs=false"}).code, 0);

  expect_same_bits("replayed", "plain");
}

TEST_F(EmulatedRunTest, LayersComputedAgainAreTheSameBits) {
  const Arguments two{"parallel.backend=cuda", "model.layers=2", "precision=bf16"};
  ASSERT_EQ(train_on_gpu(0, "kept", two).code, 0);
  ASSERT_EQ(train_on_gpu(0, "again", with(two, {"parallel.recompute=layers"})).code, 0);

  expect_same_bits("kept", "again");
}

// Without graphs, which have no layers that a trace could see.
TEST_F(EmulatedRunTest, AProfileChangesNoBit) {
  ASSERT_EQ(train_on_gpu(0, "plain", {"parallel.backend=cuda"}).code, 0);
  const Ended profiled =
      train_on_gpu(0, "profiled", {"parallel.backend=cuda", "--profile", "step.json"});
  ASSERT_EQ(profiled.code, 0) << profiled.errors;

  expect_same_bits("plain", "profiled");
  const auto events = nlohmann::json::parse(read(path("step.json")))["traceEvents"];
  const auto layers = std::count_if(events.begin(), events.end(), [](const auto& event) {
    return event["name"] == "layer backward 0";
  });
  EXPECT_GE(layers, 4);
}

TEST_F(EmulatedRunTest, AnElmoIsToldToTakeTheCpu) {
  const Ended ended = train_on_gpu(0, "elmo",
                                   {"model.preset=elmo", "model.heads=null",
                                    "model.intermediate=128", "parallel.micro_batch.masked=auto"});

  expect_error(
      ended, 4,
      {"emulated sm_90", "LSTMs", "are not available on this device", "use parallel.backend: cpu"});
}

TEST_F(EmulatedRunTest, AutoTakesTheGpuAndBFloatsFollowTheCpu) {
  const Ended gpu = train_on_gpu(0, "gpu", {"precision=null"});
  ASSERT_EQ(gpu.code, 0) << gpu.errors;
  EXPECT_THAT(read(run("gpu") / "logs/rank-0000.log"), ::testing::HasSubstr("bf16 activations"));
  EXPECT_THAT(read(run("gpu") / "config.resolved.yaml"), ::testing::HasSubstr("precision: bf16"));
  ASSERT_EQ(train(0, "cpu", kSmall).code, 0);

  expect_close("gpu", "cpu", 2e-2);
}

TEST_F(EmulatedRunTest, ARunThatWasKilledAndResumedHasTheBitsOfOneThatWasNot) {
  ASSERT_EQ(train_on_gpu(0, "whole", {"parallel.backend=cuda"}).code, 0);
  testing::Process killed = start(gpu_command(0, "killed", {"parallel.backend=cuda"}));
  ASSERT_TRUE(wait_for_steps(killed, "killed", 3));
  killed.signal(SIGKILL);
  (void)killed.wait();

  const Ended resumed = train_on_gpu(0, "killed", {"parallel.backend=cuda"});

  ASSERT_EQ(resumed.code, 0) << resumed.errors;
  expect_same_bits("whole", "killed");
}

// Matrix products choose their algorithms once: whoever lacks the choices is another environment.
TEST_F(EmulatedRunTest, ResumingTakesTheKernelChoicesOrRefuses) {
  const Arguments two_steps{"parallel.backend=cuda", "schedule.0.until=2 steps",
                            "optim.warmup=1 steps"};
  ASSERT_EQ(train_on_gpu(0, "run", two_steps).code, 0);
  const auto file = run("run") / "kernel_choices.txt";
  const std::string kept = read(file);
  EXPECT_THAT(kept, ::testing::StartsWith("plain loops, emulated sm_90, 4 multiprocessors\n"));
  ASSERT_EQ(train_on_gpu(0, "run", two_steps).code, 0);
  EXPECT_EQ(read(file), kept);

  write(file, kept.substr(0, kept.find('\n') + 1) + "key of a damaged line\n");
  expect_error(train_on_gpu(0, "run", two_steps), 3,
               {"kernel_choices.txt: choices of matrix products: expected a key and 8 hexadecimal "
                "words, found 'key of a damaged line'"});
  std::filesystem::remove(file);
  expect_error(train_on_gpu(0, "run", two_steps), 3,
               {"ordered reduction promises the same bits", "kernel choices was "});
}

TEST_F(EmulatedRunTest, RanksThatShareAGpuHaveTheBitsOfOneRank) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments host{"parallel.backend=cuda", "parallel.comm=host"};
  const Ended one = train_on_gpu(1, "one", host);
  ASSERT_EQ(one.code, 0) << one.errors;
  const Ended two = train_on_gpu(2, "two", host);
  ASSERT_EQ(two.code, 0) << two.errors;

  expect_same_bits("one", "two");
}

// The fast sum in bf16, the optimizer dealt out, buckets under way while backward goes on.
TEST_F(EmulatedRunTest, RanksThatShareAGpuDealOutTheOptimizer) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended gpu =
      train_on_gpu(2, "gpu",
                   {"parallel.backend=cuda", "parallel.comm=host", "parallel.reduction=fast",
                    "parallel.exchange=bf16", "parallel.shard_optimizer=true"});
  ASSERT_EQ(gpu.code, 0) << gpu.errors;
  ASSERT_EQ(train(0, "cpu", kSmall).code, 0);

  expect_close("gpu", "cpu", 1e-2);
  EXPECT_THAT(read(run("gpu") / "logs/rank-0000.log"),
              ::testing::ContainsRegex("2 over host-staged mpi.*, 1 threads each, gradients summed "
                                       "fast in bf16, optimizer state dealt out"));
}

TEST_F(EmulatedRunTest, TwoRanksOnOneGpuAreToldHowToShareIt) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_error(train_on_gpu(2, "two", {"parallel.backend=cuda"}), 4,
               {"rank 1 of this node wants GPU 1, and the node has 1 (numbered from 0)",
                "start one rank for each GPU, or set parallel.comm to host"});
}

// The gradients' sums, the links and the ceiling are measured in the GPU's memory.
TEST_F(EmulatedRunTest, BenchMeasuresRanksThatShareAGpu) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments bench{BERTYARD_MPIEXEC,
                        "-n",
                        "2",
                        BERTYARD_EMULATED_PROGRAM,
                        "bench",
                        config(),
                        "--steps",
                        "2",
                        "--warmup",
                        "1",
                        "--batch",
                        "8",
                        "parallel.comm=host",
                        "parallel.micro_batch.masked=20"};

  const Ended ended = start(with(bench, kSmall)).wait(std::chrono::seconds(280));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  for (const char* text :
       {"2 over host-staged mpi", "emulated sm_90", "parts    data", "forward and backward",
        "the product of 128 x 128 x 128 here", "links    sums move", "of the GPU planned; of "}) {
    EXPECT_THAT(ended.output, ::testing::HasSubstr(text));
  }
}

TEST_F(EmulatedRunTest, WhatJoinsGpusIsRefusedOnTheCpuBeforeAnythingIsRecorded) {
  const Arguments words{"parallel.comm: nccl is for ranks on GPUs, and this run computes on",
                        "use auto"};
  const Arguments nccl{"parallel.backend=cpu", "parallel.comm=nccl"};
  expect_error(train_on_gpu(0, "run", nccl), 2, words);
  EXPECT_FALSE(std::filesystem::exists(run("run")));
  expect_error(start(with({BERTYARD_EMULATED_PROGRAM, "check", config()}, nccl)).wait(), 2, words);
  write("train.tsv", "sentence\tlabel\na good day\t1\na bad day\t0\n");
  const Arguments task{BERTYARD_EMULATED_PROGRAM, "finetune",          config(),
                       "task.kind=classify",      "task.name=sst2",    "task.train=[train.tsv]",
                       "task.valid=[train.tsv]",  "task.max_length=32"};
  expect_error(start(with(task, nccl)).wait(), 2, words);
  expect_error(train_on_gpu(0, "run2", {"parallel.backend=cpu", "precision=tf32"}), 4,
               {"precision: tf32 needs a GPU, and this run computes on the CPU; use fp32"});
}

}  // namespace
}  // namespace bertyard
