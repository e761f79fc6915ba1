// SPDX-License-Identifier: Apache-2.0
// Numbers that go bad, disks that fail, replicas that differ, ranks that are slow: found, named,
// survived. The long forms are the scripts of bench/faults.
#include <csignal>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;

class FaultTest : public RunTest {
 protected:
  Ended with_fault(const std::string& fault, int ranks, const std::string& name,
                   const Arguments& arguments = {}) {
    process_options_.environment.push_back("BERTYARD_FAULT=" + fault);
    Ended ended = train(ranks, name, arguments);
    process_options_.environment.pop_back();
    return ended;
  }
};

TEST_F(FaultTest, ANanOnOneRankIsSkippedByAllAndNamed) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = with_fault("nan,rank=1,step=9,times=2", 2, "run");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("step 10: the gradient is not finite; all ranks skip"));
  EXPECT_THAT(ended.errors, HasSubstr("step 10: not finite on rank 1 on "));
  EXPECT_THAT(ended.errors, HasSubstr("gradient of "));
  const auto batch = run("run") / "bad" / "step-00000010-rank-0001.jsonl";
  EXPECT_THAT(read(batch), HasSubstr("\"tokens\":["));
  EXPECT_THAT(read(run("run") / "metrics.jsonl"), HasSubstr("\"event\":\"not_finite\""));
  const Ended inspected = run_program({"inspect", batch.string()});
  EXPECT_EQ(inspected.code, 0) << inspected.errors;
  EXPECT_THAT(inspected.output, HasSubstr("step 10, rank 1"));
}

TEST_F(FaultTest, ANanThatDoesNotComeAgainIsNoFaultOfTheData) {
  const Ended ended = with_fault("nan,step=9", 0, "run");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("computed again, every rank's gradient is finite"));
}

TEST_F(FaultTest, NansInARowEndTheRunBeforeACheckpointIsReplaced) {
  const Ended ended = with_fault("nan,step=9,times=100", 0, "run",
                                 {"optim.max_skipped=3", "checkpoint.every=2 steps"});

  expect_error(ended, 5, {"not finite in 3 steps in a row, the last of them step 12"});
  EXPECT_TRUE(std::filesystem::exists(run("run") / "bad" / "step-00000012-rank-0000.jsonl"));
  EXPECT_TRUE(std::filesystem::exists(run("run") / "checkpoints" / "step-00000008"));
  EXPECT_FALSE(std::filesystem::exists(run("run") / "checkpoints" / "step-00000010"));
}

TEST_F(FaultTest, AFlippedBitInOneReplicaIsFoundAndNamed) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = with_fault("flip,rank=2,step=9", 3, "run",
                                 {"parallel.compare_replicas=2 steps", "checkpoint.every=8 steps",
                                  "parallel.micro_batch.sequences=4"});

  EXPECT_EQ(ended.code, 4) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("error: step 10: the weights of rank 2 on "));
  EXPECT_TRUE(std::filesystem::exists(run("run") / "checkpoints" / "step-00000008"));
  EXPECT_EQ(train(3, "run", {"parallel.micro_batch.sequences=4"}).code, 0);
}

TEST_F(FaultTest, ADamagedReplicaWritesNoCheckpoint) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = with_fault("flip,rank=0,step=9", 2, "run",
                                 {"parallel.compare_replicas=never", "checkpoint.every=8 steps"});

  EXPECT_EQ(ended.code, 4) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("error: step 16: the weights of rank 1 on "));
  EXPECT_THAT(ended.errors, HasSubstr("either side may be wrong"));
  EXPECT_FALSE(std::filesystem::exists(run("run") / "checkpoints" / "step-00000016"));
}

TEST_F(FaultTest, ASlowRankIsNamedWithItsPhase) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended =
      with_fault("slow,rank=1,step=0,factor=4", 2, "run",
                 {"parallel.straggler.interval=8 steps", "parallel.straggler.ratio=2"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("rank 1 on "));
  EXPECT_THAT(ended.errors, HasSubstr("times as long as the others, most of it in backward"));
  EXPECT_THAT(read(run("run") / "metrics.jsonl"), HasSubstr("\"event\":\"straggler\""));
}

TEST_F(FaultTest, AFailedSaveCostsAWarningAndTheRunGoesOn) {
  ASSERT_EQ(train(0, "whole").code, 0);
  for (const char* fault : {"eio,call=30,times=1", "enospc,call=30,times=2"}) {
    SCOPED_TRACE(fault);
    std::filesystem::remove_all(run("run"));
    const Ended ended = with_fault(fault, 0, "run");

    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("could not be saved: "));
    EXPECT_THAT(ended.errors, HasSubstr("training goes on (failure 1 of 3)"));
    expect_same_bits("run", "whole");
  }
}

TEST_F(FaultTest, FailedSavesInARowEndTheRunWith74) {
  const Ended ended = with_fault("eio,call=230,times=100000", 0, "run",
                                 {"checkpoint.max_failures=2", "checkpoint.every=4 steps"});

  expect_error(ended, 74,
               {"2 saves in a row failed (checkpoint.max_failures)",
                "the newest checkpoint is that of step 4", "Input/output error"});
  const Ended resumed = train(0, "run", {"checkpoint.every=4 steps"});
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("after step 4"));
}

// Killed at system calls of saves, each start at a later one, resumed each time.
TEST_F(FaultTest, KillsAtFileCallsOfASaveChangeNothing) {
  const Arguments often{"checkpoint.every=3 steps"};
  ASSERT_EQ(train(0, "whole", often).code, 0);
  int kills = 0;
  for (const int call : {0, 1, 2, 40, 51, 53, 100, 150, 165, 170, 175}) {
    const Ended ended = with_fault("kill_call,call=" + std::to_string(call), 0, "run", often);
    if (ended.code == 0) break;
    EXPECT_EQ(ended.code, 128 + SIGKILL) << ended.errors;
    ++kills;
  }
  EXPECT_GE(kills, 8);

  EXPECT_EQ(train(0, "run", often).code, 0);

  expect_same_bits("run", "whole");
}

const Arguments kSpiky{"optim.spike.window=4", "optim.spike.factor=1.01", "optim.lr=3e-2",
                       "optim.max_skipped=1000"};

Arguments spiky(const std::string& rule) {
  Arguments arguments = kSpiky;
  arguments.push_back("optim.spike.rule=" + rule);
  return arguments;
}

TEST_F(FaultTest, SpikesAreSkippedTheSameWayAfterAResume) {
  const Ended whole = train(0, "whole", spiky("skip"));
  ASSERT_EQ(whole.code, 0) << whole.errors;
  EXPECT_THAT(whole.errors, HasSubstr("is a spike; all ranks leave this update out"));
  EXPECT_THAT(read(run("whole") / "metrics.jsonl"), HasSubstr("\"event\":\"spike\""));

  EXPECT_NE(with_fault("kill,step=13", 0, "run", spiky("skip")).code, 0);
  EXPECT_EQ(train(0, "run", spiky("skip")).code, 0);

  expect_same_bits("run", "whole");
}

// The checkpoint of a stop is newer than the one that the uninterrupted run goes back to.
TEST_F(FaultTest, ASpikeRollsBackTheSameWayAfterAStop) {
  const Arguments arguments{"optim.spike.rule=rollback", "optim.spike.window=4",
                            "optim.spike.factor=1.002",  "optim.max_skipped=1000",
                            "checkpoint.every=4 steps",  "checkpoint.keep_last=1"};
  ASSERT_EQ(train(0, "whole", arguments).code, 0);

  for (const char* fault : {"usr1,step=6", "usr1,step=9", "usr1,step=14"}) {
    SCOPED_TRACE(fault);
    std::filesystem::remove_all(run("run"));
    EXPECT_EQ(with_fault(fault, 0, "run", arguments).code, 75);
    EXPECT_EQ(train(0, "run", arguments).code, 0);
    expect_same_bits("run", "whole");
  }
}

// Each spike is gone back from: they are no steps in a row without an update.
TEST_F(FaultTest, RollingBackIsNoSkippedStep) {
  const Ended ended =
      train(0, "run",
            {"optim.spike.rule=rollback", "optim.spike.window=4", "optim.spike.factor=1.002",
             "optim.max_skipped=1", "checkpoint.every=4 steps"});
  EXPECT_THAT(ended.errors, HasSubstr("back to the checkpoint of step"));
  EXPECT_THAT(ended.errors, Not(HasSubstr("steps in a row")));
}

TEST_F(FaultTest, ASpikeRollsBackTheSameWayAfterAResume) {
  const Arguments arguments{"optim.spike.rule=rollback", "optim.spike.window=4",
                            "optim.spike.factor=1.002",  "optim.max_skipped=1000",
                            "checkpoint.every=4 steps",  "checkpoint.keep_last=20"};
  const Ended whole = train(0, "whole", arguments);
  ASSERT_EQ(whole.code, 0) << whole.errors;
  EXPECT_THAT(whole.errors, HasSubstr("back to the checkpoint of step"));
  EXPECT_THAT(read(run("whole") / "metrics.jsonl"), HasSubstr("\"event\":\"rollback\""));

  EXPECT_NE(with_fault("kill,step=14", 0, "run", arguments).code, 0);
  EXPECT_EQ(train(0, "run", arguments).code, 0);

  expect_same_bits("run", "whole");

  // Begun from a checkpoint by name, a run goes back to its own newest one all the same.
  Arguments named_start = arguments;
  named_start.push_back("--resume=" + (run("whole") / "checkpoints" / "step-00000004").string());
  const Ended named = train(0, "whole", named_start);
  EXPECT_EQ(named.code, 0) << named.errors;
  EXPECT_THAT(named.errors, HasSubstr("back to the checkpoint of step "));
  expect_same_bits("run", "whole");
}

}  // namespace
}  // namespace bertyard
