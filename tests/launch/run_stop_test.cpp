// SPDX-License-Identifier: Apache-2.0
// Stopped and killed at any moment, then started again: the same bits as a run that nobody touched
// (design, 5.1).
#include <csignal>
#include <iostream>
#include <random>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using testing::Process;

// Long enough that a signal meets it, on an idle machine too.
const Arguments kLong{"schedule.0.until=400 steps", "checkpoint.every=7 steps",
                      "eval.every=50 steps"};

class StopTest : public RunTest {
 protected:
  void train_whole(int ranks) const {
    const Ended ended = train(ranks, "whole", kLong);
    ASSERT_EQ(ended.code, 0) << ended.errors;
    ASSERT_EQ(steps("whole"), 400);
  }
  // Sends `signal` to the started process at `at` steps.
  Ended stopped_at(int ranks, std::int64_t at, int signal) const {
    Process training = start_training(ranks, "stopped", kLong);
    EXPECT_TRUE(wait_for_steps(training, "stopped", at)) << "it ended before the signal";
    training.signal(signal);
    return training.wait();
  }
  void expect_stopped(const Ended& ended, int code, const std::string& why) const {
    EXPECT_EQ(ended.code, code) << ended.errors;
    EXPECT_THAT(read(run("stopped") / "STATUS"), HasSubstr("stopped: " + why));
    expect_nobody_left();
  }
  void expect_resumes_to_the_same_bits(int ranks) const {
    const Ended ended = train(ranks, "stopped", kLong);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(read(run("stopped") / "STATUS"), "done\n");
    expect_same_bits("stopped", "whole");
  }
};

TEST_F(StopTest, Usr1AndUsr2StopForRequeueingAndTheRunGoesOn) {
  train_whole(0);

  expect_stopped(stopped_at(0, 20, SIGUSR1), 75, "USR1 or USR2");
  EXPECT_LT(steps("stopped"), 400);
  expect_stopped(stopped_at(0, 60, SIGUSR2), 75, "USR1 or USR2");
  EXPECT_LT(steps("stopped"), 400);

  expect_resumes_to_the_same_bits(0);
}

TEST_F(StopTest, MpirunHandsUsr1OnAndAllRanksStop) {
  BERTYARD_REQUIRE_MPIRUN();
  train_whole(2);

  expect_stopped(stopped_at(2, 20, SIGUSR1), 75, "USR1 or USR2");
  EXPECT_LT(steps("stopped"), 400);

  expect_resumes_to_the_same_bits(2);
}

TEST_F(StopTest, ASignalToOneRankStopsAll) {
  BERTYARD_REQUIRE_MPIRUN();
  for (const int signal : {SIGUSR1, SIGTERM}) {
    SCOPED_TRACE(signal);
    Process training = start_training(2, "stopped", kLong);
    ASSERT_TRUE(wait_for_steps(training, "stopped", steps("stopped") + 10));
    const std::vector<pid_t> ranks = testing::children_naming(training.id(), config());
    ASSERT_EQ(ranks.size(), 2u);
    ::kill(ranks.back(), signal);

    const bool requeue = signal == SIGUSR1;
    expect_stopped(training.wait(), requeue ? 75 : 143, requeue ? "USR1 or USR2" : "TERM or INT");
  }
}

TEST_F(StopTest, TermAndIntSaveAndExitWith143) {
  train_whole(0);

  expect_stopped(stopped_at(0, 20, SIGTERM), 143, "TERM or INT");
  expect_stopped(stopped_at(0, 60, SIGINT), 143, "TERM or INT");
  EXPECT_LT(steps("stopped"), 400);

  expect_resumes_to_the_same_bits(0);
}

// mpirun ends its ranks a second after a TERM, so STATUS may say running or stopped, and leaves
// with a code of its own, which must not ask for requeueing.
TEST_F(StopTest, TermToMpirunEndsAllAndTheRunGoesOn) {
  BERTYARD_REQUIRE_MPIRUN();
  train_whole(2);

  const Ended ended = stopped_at(2, 20, SIGTERM);

  EXPECT_NE(ended.code, 0) << ended.errors;
  EXPECT_NE(ended.code, 75) << ended.errors;
  expect_nobody_left();
  expect_resumes_to_the_same_bits(2);
}

enum class Victim { rank, mpirun, everybody };

class KillTest : public StopTest {
 protected:
  // Kills the victim of a training of two ranks at a random moment within the next steps.
  void kill_once(Victim victim, std::mt19937& random) const {
    const std::int64_t target =
        steps("stopped") + std::uniform_int_distribution<std::int64_t>(1, 30)(random);
    Process training = start_training(2, "stopped", kLong);
    ASSERT_TRUE(wait_for_steps(training, "stopped", target)) << training.wait().errors;
    const std::vector<pid_t> ranks = testing::children_naming(training.id(), config());
    const std::size_t chosen = random() % 2;
    if (victim != Victim::rank) training.signal(SIGKILL);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (victim == Victim::everybody || (victim == Victim::rank && i == chosen)) {
        ::kill(ranks[i], SIGKILL);
      }
    }
    training.wait();
    expect_nobody_left();
    std::cout << "killed after " << steps("stopped") << " steps\n";
  }
};

TEST_F(KillTest, KillsAtRandomMomentsChangeNothing) {
  BERTYARD_REQUIRE_MPIRUN();
  const char* chosen = std::getenv("BERTYARD_TEST_SEED");
  const auto seed =
      chosen != nullptr ? static_cast<unsigned>(std::atoi(chosen)) : std::random_device{}();
  std::cout << "BERTYARD_TEST_SEED=" << seed << "\n";
  SCOPED_TRACE("BERTYARD_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  train_whole(2);

  for (const Victim victim : {Victim::rank, Victim::mpirun, Victim::everybody, Victim::rank}) {
    ASSERT_NO_FATAL_FAILURE(kill_once(victim, random));
  }

  expect_resumes_to_the_same_bits(2);
}

}  // namespace
}  // namespace bertyard
