// SPDX-License-Identifier: Apache-2.0
// Ordered reduction: the same bits for any number of ranks, also when it changes at a resume
// (design, 4.4 and 5.2).
#include <csignal>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

class OrderedTest : public RunTest {
 protected:
  // Twelve leaves; a micro-batch is `sequences` samples, so that a step of `batch` has enough.
  static Arguments ordered(int batch, int sequences) {
    return {"parallel.reduction=ordered", "parallel.leaves=12", "parallel.threads=1",
            "schedule.0.global_batch=" + std::to_string(batch),
            "parallel.micro_batch.sequences=" + std::to_string(sequences)};
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
    for (const int ranks : {2, 3, 4, 6}) {
      const std::string name = prefix + std::to_string(ranks);
      expect_trained(ranks, name, ordered(batch, sequences));
      SCOPED_TRACE(name);
      expect_same_bits(prefix + "1", name);
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
  for (const auto& [ranks, steps] : {std::pair{3, 7}, std::pair{1, 13}, std::pair{4, 19}}) {
    testing::Process training =
        start_training(ranks, "changing", with(ordered(16, 1), "checkpoint.every=1 steps"));
    wait_for_steps(training, "changing", steps);
    training.signal(SIGKILL);
    (void)training.wait();
    expect_nobody_left();
  }

  expect_trained(2, "changing", ordered(16, 1));

  expect_same_bits("whole", "changing");
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

TEST_F(OrderedTest, MoreRanksThanLeavesAreRefused) {
  BERTYARD_REQUIRE_MPIRUN();
  Arguments arguments = ordered(16, 1);
  arguments[1] = "parallel.leaves=1";

  expect_error(train(2, "run", arguments), 2,
               {"parallel.leaves 1 is fewer than 2 ranks; ordered reduction needs leaves >= ranks; "
                "use 2"});
}

TEST_F(OrderedTest, FewerMicroBatchesThanLeavesAreRefused) {
  Arguments arguments = ordered(16, 8);

  expect_error(train(0, "run", arguments), 2, {"fewer than the 12 leaves; lower"});
}

}  // namespace
}  // namespace bertyard
