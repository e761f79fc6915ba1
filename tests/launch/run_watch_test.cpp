// SPDX-License-Identifier: Apache-2.0
// A rank that is stopped or hangs is named in time and ends the job with exit code 124; the machine
// may be as busy as it likes.
#include <atomic>
#include <csignal>
#include <thread>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Process;
using Clock = std::chrono::steady_clock;

const Arguments kWatched{"schedule.0.until=100000 steps", "checkpoint.every=never",
                         "eval.every=never", "parallel.watchdog.limit=3 s"};

class WatchTest : public RunTest {
 protected:
  Ended with_fault(const std::string& fault, int ranks, Arguments arguments = kWatched) {
    process_options_.environment.push_back("BERTYARD_FAULT=" + fault);
    return train(ranks, "watched", arguments);
  }
  void expect_named(const Ended& ended, const std::string& rank, const std::string& what) {
    EXPECT_EQ(ended.code, 124) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("error: watchdog: rank " + rank + " on "));
    EXPECT_THAT(ended.errors, HasSubstr(what));
    EXPECT_THAT(read(run("watched") / "STATUS"), HasSubstr("failed: watchdog: rank " + rank));
    expect_nobody_left();
  }
};

TEST_F(WatchTest, AStoppedRankIsNamedWithinASecondOfTheLimit) {
  BERTYARD_REQUIRE_MPIRUN();
  for (const std::size_t victim : {std::size_t{0}, std::size_t{2}}) {
    SCOPED_TRACE(victim);
    std::filesystem::remove_all(run("watched"));
    Process training = start_training(3, "watched", kWatched);
    ASSERT_TRUE(wait_for_steps(training, "watched", 5));
    const std::vector<pid_t> ranks = testing::children_naming(training.id(), config());
    ASSERT_EQ(ranks.size(), 3u);
    ::kill(ranks[victim], SIGSTOP);
    const Clock::time_point stopped = Clock::now();
    const Ended ended = training.wait();
    const Clock::time_point gone = Clock::now();

    expect_named(ended, std::to_string(victim), "sent no heartbeat");
    EXPECT_THAT(ended.errors, HasSubstr(std::to_string(ranks[victim])));
    EXPECT_THAT(ended.errors, HasSubstr("T (stopped)"));
    // By the judge's clock, and by ours with the stacks and the end of the job.
    const std::size_t told = ended.errors.find(" for ", ended.errors.find("sent no heartbeat"));
    const double seconds = std::atof(ended.errors.c_str() + told + 5);
    EXPECT_GE(seconds, 3.0);
    EXPECT_LE(seconds, 4.0);
    EXPECT_LE(std::chrono::duration<double>(gone - stopped).count(), 15);
  }
}

TEST_F(WatchTest, AnEndlessLoopIsNamedWithStepPhaseAndStacks) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = with_fault("hang,rank=1,step=7", 2);

  expect_named(ended, "1", "makes no progress");
  EXPECT_THAT(ended.errors, HasSubstr("after step 7, in backward"));
  EXPECT_THAT(read(run("watched") / "logs" / "stacks-rank-0001.txt"), HasSubstr("bertyard"));
  EXPECT_THAT(read(run("watched") / "logs" / "stacks-rank-0000.txt"), HasSubstr("thread"));
  const std::string inspected = run_program({"inspect", run("watched").string()}).output;
  EXPECT_THAT(inspected, HasSubstr("where the ranks were last"));
  EXPECT_THAT(inspected, HasSubstr("backward"));
  const std::string merged =
      run_program({"inspect", (run("watched") / "logs" / "flight").string()}).output;
  EXPECT_THAT(merged, HasSubstr("flight recorders of 2 rank(s)"));
  EXPECT_THAT(merged, HasSubstr("all_reduce_sum"));
}

TEST_F(WatchTest, ARunOfOneRankWatchesItself) {
  expect_named(with_fault("hang,step=3", 0), "0", "after step 3, in backward");
}

TEST_F(WatchTest, ABusyMachineIsNoHang) {
  BERTYARD_REQUIRE_MPIRUN();
  std::atomic<bool> over{false};
  std::vector<std::thread> load;
  for (int i = 0; i < 6; ++i) {
    load.emplace_back([&over] {
      while (!over) continue;
    });
  }
  Arguments arguments = kWatched;
  arguments[0] = "schedule.0.until=60 steps";

  const Ended ended = train(4, "watched", arguments);

  over = true;
  for (std::thread& thread : load) thread.join();
  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, Not(HasSubstr("watchdog")));
}

TEST_F(WatchTest, AFaultThatIsNoneIsRefused) {
  expect_error(with_fault("fire,step=3", 0), 2, {"BERTYARD_FAULT is 'fire,step=3'", "unset it"});
}

}  // namespace
}  // namespace bertyard
