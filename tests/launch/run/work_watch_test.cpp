// SPDX-License-Identifier: Apache-2.0
// `prepare` and `finetune` on several ranks of which one is stopped or hangs.
#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Process;

const Arguments kLimits{"parallel.watchdog.limit=3 s", "parallel.watchdog.slow_limit=20 s"};

// The seconds that the judge counted, by "... for 3.2 s: ".
double seconds_told(const std::string& errors) {
  const std::size_t at = errors.find(" for ", errors.find("error: watchdog: rank"));
  return at == std::string::npos ? 0 : std::atof(errors.c_str() + at + 5);
}

class PrepareWatchTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    write("text.txt", made_text(1, 1200));
  }
  Process start_preparing(int ranks, const std::string& fault, const Arguments& more = {}) {
    process_options_.environment.push_back("BERTYARD_FAULT=" + fault);
    // Of which every rank has several.
    Arguments arguments{"prepare", config(), "samples.out=" + path("again").string(),
                        "samples.shard=16 KiB"};
    return start(program_command(ranks, with(with(arguments, kLimits), more)));
  }
  void expect_named(const Ended& ended, const std::string& rank, const std::string& what) {
    EXPECT_EQ(ended.code, 124) << ended.errors;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("error: watchdog: rank " + rank + " on "),
                                    HasSubstr("(process "), HasSubstr(what)));
    EXPECT_GE(seconds_told(ended.errors), 3.0);
    EXPECT_LE(seconds_told(ended.errors), 4.0);
    EXPECT_THAT(read(path("again/logs/watchdog.txt")), HasSubstr("watchdog: rank " + rank));
    expect_nobody_left();
  }
};

TEST_F(PrepareWatchTest, AStoppedRankIsNamed) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_preparing(2, "stop,rank=1,step=1").wait();

  expect_named(ended, "1", "sent no heartbeat");
  // Where it was when it was last heard, which may be before the unit that it stopped in.
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("T (stopped)"), HasSubstr("units of its work")));
}

TEST_F(PrepareWatchTest, AnEndlessLoopIsNamedWithItsPhaseAndStacks) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_preparing(2, "hang,rank=1,step=2").wait();

  expect_named(ended, "1", "makes no progress");
  EXPECT_THAT(ended.errors, HasSubstr(": in samples, after 2 units of its work"));
  EXPECT_THAT(read(path("again/logs/stacks-rank-0001.txt")), HasSubstr("bertyard"));
}

TEST_F(PrepareWatchTest, RankZeroAloneIsWatchedWhileTheOthersWait) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_preparing(3, "hang,rank=0,step=1").wait();

  expect_named(ended, "0", ": in text, after 1 units of its work");
  EXPECT_THAT(ended.errors, Not(HasSubstr("; rank")));
}

TEST_F(PrepareWatchTest, OneRankWatchesItself) {
  expect_named(start_preparing(0, "hang,step=1").wait(), "0", ": in text, after 1 units");
}

// What was stopped goes on where it was.
TEST_F(PrepareWatchTest, AfterwardsItIsFinishedAsEver) {
  BERTYARD_REQUIRE_MPIRUN();
  EXPECT_EQ(start_preparing(2, "stop,rank=1,step=1").wait().code, 124);
  process_options_.environment.pop_back();

  const Ended ended = run_program(
      {"prepare", config(), "samples.out=" + path("again").string(), "samples.shard=16 KiB"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
}

// A pipe that says nothing for longer than the limit is no hang, nor is one that trickles.
TEST_F(PrepareWatchTest, ASlowSourceIsNoHang) {
  write("slow.sh", "{ sleep 3; cat '" + path("text.txt").string() +
                       "'; } | '" BERTYARD_PROGRAM "' prepare '" + config() +
                       "' 'corpus.text=[-]' 'samples.out=" + path("again").string() +
                       "' 'parallel.watchdog.limit=1 s' 'parallel.watchdog.slow_limit=1 s'\n");

  const Ended ended = start({"bash", path("slow.sh").string()}).wait();

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, Not(HasSubstr("watchdog")));
}

class FinetuneWatchTest : public FinetuneRunTest {
 protected:
  void expect_named(const Ended& ended, const std::string& rank, const std::string& what) {
    EXPECT_EQ(ended.code, 124) << ended.errors;
    EXPECT_THAT(ended.errors,
                AllOf(HasSubstr("error: watchdog: rank " + rank + " on "), HasSubstr(what)));
    EXPECT_GE(seconds_told(ended.errors), 3.0);
    EXPECT_LE(seconds_told(ended.errors), 4.0);
    expect_nobody_left();
  }
  // The directory of the only training.
  std::filesystem::path cell() const {
    for (const auto& entry : std::filesystem::directory_iterator(run("f"))) {
      if (std::filesystem::exists(entry.path() / "STATUS")) return entry.path();
    }
    return {};
  }
};

TEST_F(FinetuneWatchTest, AnEndlessLoopIsNamedWithStepPhaseAndStacks) {
  BERTYARD_REQUIRE_MPIRUN();
  process_options_.environment.push_back("BERTYARD_FAULT=hang,rank=1,step=3");

  const Ended ended = finetune(2, "f", kLimits);

  expect_named(ended, "1", "makes no progress");
  EXPECT_THAT(ended.errors, HasSubstr("after step 3, in backward"));
  EXPECT_THAT(read(cell() / "STATUS"), HasSubstr("failed: watchdog: rank 1"));
  EXPECT_THAT(read(cell() / "logs/stacks-rank-0001.txt"), HasSubstr("bertyard"));
  EXPECT_THAT(run_program({"inspect", (cell() / "logs/flight").string()}).output,
              HasSubstr("all_reduce_sum"));
}

TEST_F(FinetuneWatchTest, AStoppedRankIsNamed) {
  BERTYARD_REQUIRE_MPIRUN();
  process_options_.environment.push_back("BERTYARD_FAULT=stop,rank=1,step=3");

  const Ended ended = finetune(2, "f", kLimits);

  expect_named(ended, "1", "sent no heartbeat");
  EXPECT_THAT(ended.errors, HasSubstr("T (stopped)"));
}

TEST_F(FinetuneWatchTest, WhatEndedSoIsGoneOnWith) {
  process_options_.environment.push_back("BERTYARD_FAULT=hang,step=3");
  EXPECT_EQ(finetune(0, "f", kLimits).code, 124);
  process_options_.environment.pop_back();

  const Ended ended = finetune(0, "f", kLimits);

  EXPECT_EQ(ended.code, 0) << ended.errors;
}

}  // namespace
}  // namespace bertyard
