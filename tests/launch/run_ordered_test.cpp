// SPDX-License-Identifier: Apache-2.0
// Ordered reduction: the same bits for any number of ranks, also when it changes at a resume
// (design, 4.4 and 5.2).
#include <csignal>
#include <cstdlib>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

class OrderedTest : public RunTest {
 protected:
  // bert-tiny's layers and twelve leaves; a micro-batch is `sequences` samples, so that a step of
  // `batch` has enough.
  static Arguments ordered(int batch, int sequences) {
    return {"parallel.reduction=ordered",
            "parallel.leaves=12",
            "parallel.threads=1",
            "model.hidden=128",
            "model.intermediate=512",
            "schedule.0.global_batch=" + std::to_string(batch),
            "parallel.micro_batch.sequences=" + std::to_string(sequences)};
  }
  // ZeRO-1 from two ranks on.
  static Arguments sharded(Arguments arguments) {
    arguments.push_back("parallel.shard_optimizer=true");
    return arguments;
  }
  void expect_trained(int ranks, const std::string& name, const Arguments& arguments) const {
    const testing::Ended ended = train(ranks, name, arguments);
    EXPECT_EQ(ended.code, 0) << ranks << " ranks: " << ended.errors;
  }
};

TEST_F(OrderedTest, OneToSixRanksAreTheSameBits) {
  BERTYARD_REQUIRE_MPIRUN();
  for (const auto& [batch, sequences] : {std::pair{16, 1}, std::pair{48, 2}}) {
    const std::string prefix = "batch" + std::to_string(batch) + "-";
    expect_trained(1, prefix + "1", ordered(batch, sequences));
    for (const int ranks : {1, 2, 3, 4, 6}) {
      const std::string name = prefix + std::to_string(ranks);
      if (ranks > 1) expect_trained(ranks, name, ordered(batch, sequences));
      expect_trained(ranks, name + "-zero1", sharded(ordered(batch, sequences)));
      SCOPED_TRACE(name);
      expect_same_bits(prefix + "1", name);
      expect_same_bits(prefix + "1", name + "-zero1");
    }
  }
}

TEST_F(OrderedTest, TheNumberOfRanksMayChangeAtEveryResume) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_trained(1, "whole", ordered(16, 1));
  const auto with = [](Arguments arguments, const std::string& more) {
    arguments.push_back(more);
    return arguments;
  };
  // Sharded, then not, then sharded otherwise: a checkpoint knows nothing of it.
  struct Start {
    int ranks, steps;
    bool zero;
  };
  for (const auto& [ranks, steps, zero] :
       {Start{3, 7, true}, Start{1, 13, false}, Start{4, 19, true}}) {
    const Arguments arguments = with(ordered(16, 1), "checkpoint.every=1 steps");
    testing::Process training =
        start_training(ranks, "changing", zero ? sharded(arguments) : arguments);
    wait_for_steps(training, "changing", steps);
    training.signal(SIGKILL);
    (void)training.wait();
    expect_nobody_left();
  }

  expect_trained(2, "changing", ordered(16, 1));

  expect_same_bits("whole", "changing");
}

// Every rank puts its part of the state back.
TEST_F(OrderedTest, ZeRO1RollsBackFromASpikeToTheSameBits) {
  BERTYARD_REQUIRE_MPIRUN();
  Arguments arguments = ordered(16, 1);
  for (const char* more :
       {"optim.spike.rule=rollback", "optim.spike.window=4", "optim.spike.factor=1.002",
        "optim.max_skipped=1000", "checkpoint.every=4 steps"}) {
    arguments.push_back(more);
  }
  const testing::Ended plain = train(1, "plain", arguments);
  ASSERT_EQ(plain.code, 0) << plain.errors;
  ASSERT_THAT(plain.errors, ::testing::HasSubstr("back to the checkpoint of step"));

  expect_trained(3, "zero1", sharded(arguments));

  expect_same_bits("plain", "zero1");
}

// Also where a resume changes it, and where backward is spread over ranks.
TEST_F(OrderedTest, LayersComputedAgainAreTheSameBits) {
  BERTYARD_REQUIRE_MPIRUN();
  const auto three_layers = [](const Arguments& more) {
    return with(with(ordered(16, 1), {"model.layers=3"}), more);
  };
  const Arguments again = three_layers({"parallel.recompute=layers"});
  expect_trained(1, "kept", three_layers({}));
  testing::Process training = start_training(1, "again", again);
  ASSERT_TRUE(wait_for_steps(training, "again", 9));
  training.signal(SIGUSR1);
  ASSERT_EQ(training.wait().code, 75);

  expect_trained(2, "again", three_layers({}));
  expect_trained(2, "whole", again);

  expect_same_bits("kept", "again");
  expect_same_bits("kept", "whole");
  EXPECT_THAT(read(run("whole") / "logs/rank-0000.log"),
              ::testing::HasSubstr("masked, layers computed again in backward"));
}

// Without the promise of bits: equal to rounding, and LAMB's norms come from all ranks.
TEST_F(OrderedTest, ZeRO1InFastModeEqualsToRounding) {
  BERTYARD_REQUIRE_MPIRUN();
  const Arguments lamb{"optim.name=lamb"};
  expect_trained(2, "plain", lamb);
  expect_trained(2, "zero1", sharded(lamb));

  const std::vector<LossLine> plain = parse_losses(read(run("plain") / "loss.log"));
  const std::vector<LossLine> zero1 = parse_losses(read(run("zero1") / "loss.log"));
  ASSERT_EQ(plain.size(), 24u);
  ASSERT_EQ(zero1.size(), 24u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_LT(relative_difference(plain[i].mlm, zero1[i].mlm), 1e-5) << "step " << i + 1;
  }
}

// Half the bytes between ranks: another sum, and near the first. ZeRO-1 gets the same one.
TEST_F(OrderedTest, GradientsMayBeSentInBf16) {
  BERTYARD_REQUIRE_MPIRUN();
  const std::string narrow = "parallel.exchange=bf16";
  expect_trained(2, "plain", {});
  expect_trained(2, "narrow", {narrow});
  expect_trained(2, "zero1", sharded({narrow}));

  const std::vector<LossLine> plain = parse_losses(read(run("plain") / "loss.log"));
  const std::vector<LossLine> losses = parse_losses(read(run("narrow") / "loss.log"));
  ASSERT_EQ(losses.size(), 24u);
  EXPECT_EQ(losses[0].mlm, plain[0].mlm);  // before any gradient
  EXPECT_NE(losses[23].mlm, plain[23].mlm);
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_LT(relative_difference(plain[i].mlm, losses[i].mlm), 5e-3) << "step " << i + 1;
  }
  expect_same_bits("narrow", "zero1");
}

// `check` says before the run what the ranks then take; here for AdamW, two moments a parameter.
TEST_F(OrderedTest, CheckSaysWhatZeRO1Saves) {
  const auto optimizer_mib = [this](int ranks, const std::string& sharded) {
    const testing::Ended ended = run_program(
        {"check", config(), "--ranks", std::to_string(ranks), "model.layers=4", "model.hidden=512",
         "model.intermediate=2048", "parallel.shard_optimizer=" + sharded});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, ::testing::HasSubstr("MiB a rank (weights "));
    const std::size_t at = ended.output.find("optimizer ");
    return at == std::string::npos ? 0.0 : std::stod(ended.output.substr(at + 10));
  };
  // 12 H^2 a layer, H^2 for the pooler and the MLM head, and about 340 rows of embeddings.
  constexpr double kParameters = 4 * 12.0 * 512 * 512 + 2 * 512.0 * 512 + 340 * 512;

  const double whole = optimizer_mib(2, "false");

  EXPECT_NEAR(whole, 8 * kParameters / (1 << 20), 2.0);
  for (const int ranks : {2, 4}) {
    EXPECT_NEAR(optimizer_mib(ranks, "true"), whole / ranks, 0.02 * whole) << ranks << " ranks";
  }
}

// Of four layers the activations of three, 7 H and 2 F numbers a token, over 96 tokens.
TEST_F(OrderedTest, CheckSaysWhatComputingLayersAgainSaves) {
  const auto activations_mib = [this](const std::string& recompute) {
    const testing::Ended ended =
        run_program({"check", config(), "model.layers=4", "parallel.recompute=" + recompute});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    const std::size_t at = ended.output.find("activations ");
    return at == std::string::npos ? 0.0 : std::stod(ended.output.substr(at + 12));
  };

  const double saved = activations_mib("none") - activations_mib("layers");

  EXPECT_NEAR(saved, 3 * 96 * (7 * 64 + 2 * 128) * 4.0 / (1 << 20), 0.11);
}

// The promise is kept or the start refused: another number of threads gives other bits.
TEST_F(OrderedTest, AnotherEnvironmentIsRefused) {
  Arguments halfway = ordered(16, 1);
  halfway.push_back("checkpoint.every=10 steps");
  testing::Process training = start_training(0, "run", halfway);
  ASSERT_TRUE(wait_for_steps(training, "run", 12));
  training.signal(SIGUSR1);
  EXPECT_EQ(training.wait().code, 75);
  Arguments other = ordered(16, 1);
  other[1] = "parallel.leaves=8";

  const testing::Ended leaves = train(0, "run", other);

  EXPECT_EQ(leaves.code, 3);
  EXPECT_THAT(leaves.errors,
              ::testing::HasSubstr("ordered reduction promises the same bits, but the environment "
                                   "is another one (reduction was ordered, 12 leaves, is ordered, "
                                   "8 leaves); go back to it, or set parallel.reduction to fast"));
  EXPECT_EQ(train(0, "run", ordered(16, 1)).code, 0);
}

// The matrix library chooses its kernels by the processor: another choice, other bits.
TEST_F(OrderedTest, AnotherProcessorIsRefused) {
  Arguments halfway = ordered(16, 1);
  halfway.push_back("checkpoint.every=10 steps");
  testing::Process training = start_training(0, "run", halfway);
  ASSERT_TRUE(wait_for_steps(training, "run", 12));
  training.signal(SIGUSR1);
  EXPECT_EQ(training.wait().code, 75);
  setenv("DNNL_MAX_CPU_ISA", "SSE41", 1);
  setenv("OPENBLAS_CORETYPE", "Nehalem", 1);

  const testing::Ended elsewhere = train(0, "run", ordered(16, 1));

  unsetenv("DNNL_MAX_CPU_ISA");
  unsetenv("OPENBLAS_CORETYPE");
  EXPECT_EQ(elsewhere.code, 3);
  EXPECT_THAT(elsewhere.errors,
              ::testing::HasSubstr("the environment is another one (libraries was "));
}

TEST_F(OrderedTest, MoreRanksThanLeavesAreRefused) {
  BERTYARD_REQUIRE_MPIRUN();
  Arguments arguments = ordered(16, 1);
  arguments[1] = "parallel.leaves=1";

  expect_error(train(2, "run", arguments), 2,
               {"parallel.leaves 1 is fewer than 2 ranks; ordered reduction needs leaves >= ranks; "
                "use 2"});
}

// Micro-batches of a sample or two: some steps have twelve of them, some fewer.
TEST_F(OrderedTest, ALeafWithoutWorkEndsNothingAndChangesNoBit) {
  BERTYARD_REQUIRE_MPIRUN();
  Arguments arguments = ordered(14, 2);
  arguments.push_back("parallel.micro_batch.tokens=44");

  const testing::Ended one = train(1, "one", arguments);
  ASSERT_EQ(one.code, 0) << one.errors;
  EXPECT_THAT(one.errors,
              HasSubstr("micro-batches for 12 leaves, some of which had nothing to do"));
  expect_trained(3, "three", arguments);
  expect_trained(2, "two", sharded(arguments));

  expect_same_bits("one", "three");
  expect_same_bits("one", "two");
}

TEST_F(OrderedTest, FewerMicroBatchesThanLeavesAreRefused) {
  Arguments arguments = ordered(16, 8);

  expect_error(train(0, "run", arguments), 2, {"fewer than the 12 leaves; lower"});
}

}  // namespace
}  // namespace bertyard
