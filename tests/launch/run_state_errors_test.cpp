// SPDX-License-Identifier: Apache-2.0
// Run directories and checkpoints that a training must not go on with, and disks that it cannot
// write to: one message, the right exit code, and what was there is there afterwards.
#include <algorithm>
#include <cstdlib>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using testing::Ended;
using ::testing::HasSubstr;

class StateErrorTest : public RunTest {
 protected:
  // A finished run of 24 steps with the checkpoints of steps 16 and 24.
  void train_once(const std::string& name = "run") const {
    const Ended ended = train(0, name);
    ASSERT_EQ(ended.code, 0) << ended.errors;
  }
  // What one start refuses changes no byte of the run.
  void expect_refused_and_untouched(int code, const Arguments& words,
                                    const Arguments& arguments) const {
    const auto before = snapshot(run("run"));
    expect_refused(code, words, "run", arguments);
    EXPECT_EQ(snapshot(run("run")), before);
  }
  // Runs a shell script in a mount namespace of its own, in which $DISK is a small tmpfs; skips
  // the test where this user may not mount. The script has $MPIRUN and $PROGRAM.
  void run_with_disk(const std::string& options, const std::string& script, Ended& ended) {
    fs::create_directories(path("disk"));
    const Arguments mount{"unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs disk"};
    if (start(mount).wait().code != 0) GTEST_SKIP() << "this user may not mount a file system";
    process_options_.environment.insert(
        process_options_.environment.end(),
        {"DISK=" + path("disk").string(), std::string("PROGRAM=") + BERTYARD_PROGRAM,
         std::string("MPIRUN=") + BERTYARD_MPIEXEC, "CONFIG=" + config()});
    ended = start({"unshare", "-m", "sh", "-c",
                   "mount -t tmpfs -o " + options + " tmpfs disk || exit 99\n" + script})
                .wait();
  }
};

TEST_F(StateErrorTest, ResumeNeverRefusesADirectoryThatIsNotEmpty) {
  train_once();
  expect_refused_and_untouched(2, {"runs/run is not empty and checkpoint.resume is 'never'"},
                               {"--resume", "never"});
}

// The branch that is left must not count as the newest for ever.
TEST_F(StateErrorTest, ResumingFromAnOlderCheckpointSetsTheNewerOnesAside) {
  train_once();

  const Ended ended = train(0, "run",
                            {"--resume", "runs/run/checkpoints/step-00000016",
                             "checkpoint.every=3 steps", "checkpoint.keep_last=1"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_TRUE(fs::exists(run("run") / "checkpoints/aside-step-00000024/manifest.json"));
  EXPECT_TRUE(fs::exists(run("run") / "checkpoints/latest/manifest.json"));
  const Ended again = train(0, "run");
  EXPECT_EQ(again.code, 0) << again.errors;
}

TEST_F(StateErrorTest, ADamagedNewestCheckpointIsSetAsideAndTheRunEndsWithTheSameBits) {
  train_once("whole");
  train_once();
  const fs::path damaged = run("run") / "checkpoints/step-00000024/model.safetensors";
  std::string weights = read(damaged);
  weights[weights.size() / 2] = static_cast<char>(weights[weights.size() / 2] ^ 1);
  write(damaged, weights);

  const Ended ended = train(0, "run", {"checkpoint.keep_last=1"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  expect_same_bits("whole", "run");
  EXPECT_TRUE(fs::exists(run("run") / "checkpoints/aside-step-00000024"));
}

// Words changed for others of as many tokens: the counts are the same.
TEST_F(StateErrorTest, DataMadeFromAnotherTextAreRefused) {
  train_once();
  std::string text = read(path("text.txt"));
  const std::size_t space = text.find(' ');
  std::swap_ranges(text.begin(), text.begin() + 1, text.begin() + static_cast<long>(space) + 1);
  write(path("text.txt"), text);
  ASSERT_EQ(run_program({"prepare", config()}).code, 0);

  expect_refused_and_untouched(3, {"training text hash"}, {});
}

TEST_F(StateErrorTest, AShortLossLogIsRefusedAndNothingIsTouched) {
  train_once();
  write(run("run") / "loss.log", "");
  expect_refused_and_untouched(3, {"loss.log: 0 bytes, the checkpoint was made after"}, {});
}

TEST_F(StateErrorTest, ARefusedFirstStartLeavesNoRun) {
  const Ended refused = train(0, "run", {"--resume", "nowhere"});

  EXPECT_EQ(refused.code, 3) << refused.errors;
  const Ended begun = train(0, "run", {"--resume", "never"});
  EXPECT_EQ(begun.code, 0) << begun.errors;
}

TEST_F(StateErrorTest, ADirectoryThatIsNoRunIsLeftAlone) {
  fs::create_directories(run("run"));
  write(run("run") / "thesis.tex", "my life's work");
  const std::string thesis = read(run("run") / "thesis.tex");
  expect_refused(2, {"runs/run holds files but no run"}, "run");
  EXPECT_EQ(read(run("run") / "thesis.tex"), thesis);
}

TEST_F(StateErrorTest, ACheckpointOfAnotherModelIsRefused) {
  train_once();
  expect_refused_and_untouched(3, {"model.hidden"}, {"model.hidden=32"});
}

TEST_F(StateErrorTest, ACheckpointOfAnotherRunIsRefused) {
  train_once("other");
  train_once();
  expect_refused_and_untouched(3, {"runs/other", "run"}, {"--resume", "runs/other"});
}

TEST_F(StateErrorTest, APathThatIsNoCheckpointIsRefused) {
  train_once();
  expect_refused_and_untouched(3, {"gone"}, {"--resume", "gone"});
}

TEST_F(StateErrorTest, ADamagedCheckpointIsPassedOverWithAWarning) {
  train_once("whole");
  train_once();
  const fs::path weights = run("run") / "checkpoints/step-00000024/model.safetensors";
  std::string bytes = read(weights);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write(weights, bytes);

  const Ended ended = train(0, "run");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("step-00000024"));
  EXPECT_THAT(ended.errors, HasSubstr("after step 16"));
  expect_same_bits("run", "whole");
}

TEST_F(StateErrorTest, WhenNoCheckpointIsGoodNoneIsThrownAway) {
  train_once();
  for (const char* step : {"step-00000016", "step-00000024"}) {
    fs::resize_file(run("run") / "checkpoints" / step / "optimizer.bin", 1000);
  }
  expect_refused_and_untouched(3, {"optimizer.bin"}, {});
}

TEST_F(StateErrorTest, TwoTrainersInOneDirectoryAreRefused) {
  testing::Process first = start_training(0, "run", {"schedule.0.until=100k steps"});
  ASSERT_TRUE(wait_for_steps(first, "run", 2));

  const Ended second = train(0, "run");

  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.errors,
              HasSubstr("runs/run is in use by process " + std::to_string(first.id())));
  first.signal(SIGUSR1);
  EXPECT_EQ(first.wait().code, 75);
}

TEST_F(StateErrorTest, AFileInTheWayOfTheRunDirectoryIsNamed) {
  write("runs", "a file\n");
  expect_refused(74, {"run directory runs/run cannot be written", "set run.dir"}, "run");
  EXPECT_EQ(read("runs"), "a file\n");
}

TEST_F(StateErrorTest, AReadOnlyDiskIsNamed) {
  Ended ended;
  run_with_disk("ro,size=1m", R"("$PROGRAM" train "$CONFIG" run.dir=disk/runs)", ended);
  if (IsSkipped()) return;
  expect_error(ended, 74, {"run directory disk/runs/run cannot be written: Read-only file system"});
}

// RLIMIT_FSIZE stands for a disk that takes the log but not the weights.
TEST_F(StateErrorTest, AFileThatMayNotGrowFailsWithItsNameAndCostsNothing) {
  const Arguments short_run{"checkpoint.every=24 steps"};
  ASSERT_EQ(train(0, "whole", short_run).code, 0);
  process_options_.file_bytes = 200000;

  expect_error(train(0, "run", short_run), 74, {"model.safetensors", "File too large"});

  EXPECT_THAT(read(run("run") / "STATUS"), HasSubstr("failed: "));
  process_options_.file_bytes.reset();
  EXPECT_EQ(train(0, "run", short_run).code, 0);
  expect_same_bits("run", "whole");
}

// The disk has room for one checkpoint and not for the next; with more room the run ends with the
// bits of one that had it from the start.
class FullDiskTest : public StateErrorTest, public ::testing::WithParamInterface<int> {
 protected:
  std::uint64_t checkpoint_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [name, text] : snapshot(run("whole") / "checkpoints/step-00000024")) {
      bytes += text.size();
    }
    return bytes;
  }
};

TEST_P(FullDiskTest, ExitsWith74AndTheRunGoesOnWhenThereIsRoom) {
  const int ranks = GetParam();
  if (ranks > 0) BERTYARD_REQUIRE_MPIRUN();
  ASSERT_EQ(train(ranks, "whole").code, 0);
  const std::string launcher =
      ranks > 0 ? "\"$MPIRUN\" -n " + std::to_string(ranks) + " " : std::string();
  Ended resumed;

  run_with_disk("size=" + std::to_string(checkpoint_bytes() * 3 / 2),
                "train() { " + launcher +
                    R"("$PROGRAM" train "$CONFIG" run.name=full run.dir=disk; }
train >full.out 2>full.err; echo $? >full.code
ls disk/full/checkpoints >full.kept
mount -o remount,size=64m tmpfs disk || exit 99
train; code=$?
cp -a disk/full runs/full
exit $code
)",
                resumed);
  if (IsSkipped()) return;

  const int code = std::atoi(read("full.code").c_str());
  expect_error({code, read("full.out"), read("full.err")}, 74, {"No space left on device"});
  EXPECT_EQ(read("full.kept"), "latest\nstep-00000008\n");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_THAT(resumed.errors, HasSubstr("after step 8"));
  expect_same_bits("full", "whole");
}

INSTANTIATE_TEST_SUITE_P(Ranks, FullDiskTest, ::testing::Values(0, 2));

}  // namespace
}  // namespace bertyard
