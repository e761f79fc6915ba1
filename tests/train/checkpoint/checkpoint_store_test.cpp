// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/checkpoint_store.h"

#include <fstream>

#include <sys/mount.h>

#include "tests/support/faulty_calls.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "tests/train/toy_state.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::Fault;
using testing::FaultyCalls;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryDirectory;
using testing::ToyState;

class CheckpointStore : public ::testing::Test {
 protected:
  void save(int step, std::optional<double> held_out = std::nullopt, double seconds = 0) {
    ToyState toy(step);
    toy.state.held_out_loss = held_out;
    toy.state.run_seconds = seconds;
    save_checkpoint(directory_.path(), toy.contents(), testing::CallsWithoutSync());
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> found;
    for (const CheckpointEntry& entry : list_checkpoints(directory_.path())) {
      found.push_back(entry.step);
    }
    return found;
  }
  void damage(int step) {
    std::ofstream(directory_.path() / checkpoint_name(step) / "optimizer.bin", std::ios::app)
        << 'x';
  }
  std::int64_t newest() {
    return newest_good_checkpoint(directory_.path(), log_, testing::CallsWithoutSync())
        .value()
        .state()
        .step;
  }
  bool has_leftovers() const {
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().starts_with(".tmp-")) return true;
    }
    return false;
  }

  TemporaryDirectory directory_;
  Logger log_{{LogLevel::off, LogLevel::off, ""}};
};

TEST_F(CheckpointStore, FallsBackToTheNewestGoodOne) {
  for (const int step : {1, 2, 3}) save(step);
  EXPECT_EQ(newest(), 3);

  damage(3);
  Logger loud({LogLevel::warning, LogLevel::off, ""});
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(newest_good_checkpoint(directory_.path(), loud)->state().step, 2);
  const std::string warning = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(warning, HasSubstr("checkpoint of step 3 cannot be used"));
  EXPECT_THAT(warning, HasSubstr("optimizer.bin: damaged"));

  damage(2);
  damage(1);
  EXPECT_THAT(message_of<DataError>([&] { newest(); }),
              HasSubstr("none of 3 checkpoint(s) can be used"));
}

TEST_F(CheckpointStore, AnUnreadableDirectoryIsNotAnEmptyOne) {
  std::ofstream(directory_ / "file") << 'x';

  EXPECT_THAT(message_of<IoError>([&] { list_checkpoints(directory_ / "file"); }),
              HasSubstr("cannot list"));
}

TEST_F(CheckpointStore, NothingThereIsNoError) {
  EXPECT_FALSE(newest_good_checkpoint(directory_ / "absent", log_));
  EXPECT_THAT(message_of<DataError>([&] { open_checkpoint(directory_.path(), log_); }),
              HasSubstr("expected a checkpoint or a run directory with one"));
}

TEST_F(CheckpointStore, OpensACheckpointALinkAndARun) {
  save(5);
  fs::create_directories(directory_ / "run");
  fs::create_directory_symlink(directory_.path(), directory_ / "run/checkpoints");

  EXPECT_EQ(open_checkpoint(directory_ / "step-00000005", log_).state().step, 5);
  EXPECT_EQ(open_checkpoint(directory_ / "latest", log_).state().step, 5);
  EXPECT_EQ(open_checkpoint(directory_ / "run", log_).state().step, 5);
}

TEST_F(CheckpointStore, KeepsTheLastTheMultiplesAndTheBest) {
  CheckpointOptions options;
  options.keep_last = 2;
  options.keep_every = {40, 0};
  options.keep_best = 1;
  const double losses[] = {9, 1, 5, 6, 7, 8, 4, 3};

  for (int i = 0; i < 8; ++i) {
    save(10 * (i + 1), losses[i]);
    rotate_checkpoints(directory_.path(), options);
  }

  EXPECT_THAT(steps(), ElementsAre(20, 40, 70, 80));
  EXPECT_EQ(fs::read_symlink(directory_ / "best"), "step-00000020");
  EXPECT_EQ(fs::read_symlink(directory_ / "latest"), "step-00000080");
  EXPECT_FALSE(has_leftovers());
}

TEST_F(CheckpointStore, KeepsTheFirstOfEveryHour) {
  CheckpointOptions options;
  options.keep_last = 1;
  options.keep_every = {0, 3600};

  for (int i = 1; i <= 9; ++i) {
    save(i, std::nullopt, 1000.0 * i);
    rotate_checkpoints(directory_.path(), options);
  }

  EXPECT_THAT(steps(), ElementsAre(4, 8, 9));
}

TEST_F(CheckpointStore, DamagedOnesDoNotCountAsKept) {
  CheckpointOptions options;
  options.keep_last = 2;
  for (const int step : {1, 2, 3}) save(step);
  std::ofstream(directory_ / "step-00000002/manifest.json") << "{}";

  rotate_checkpoints(directory_.path(), options);

  EXPECT_THAT(steps(), ElementsAre(1, 3));
}

TEST_F(CheckpointStore, OtherNamesAreNoCheckpoints) {
  save(7);
  for (const char* name : {"step-7", "step-0000000x", "7", "step-00000008.tmp"}) {
    fs::create_directories(directory_ / name);
  }

  EXPECT_THAT(steps(), ElementsAre(7));
}

// At every system call of a save: what was there stays usable, the next start cleans up and saves.
TEST_F(CheckpointStore, SurvivesAKillAtEverySystemCallOfASave) {
  const ToyState second(2);
  int calls_made = 0;
  for (;; ++calls_made) {
    fs::remove_all(directory_.path());
    save(1);
    const FaultyCalls calls(Fault::killed, calls_made);
    try {
      save_checkpoint(directory_.path(), second.contents(), calls);
    } catch (const IoError&) {
    }
    const std::int64_t found = newest();
    ASSERT_TRUE(found == 1 || found == 2);
    ASSERT_NO_THROW(open_checkpoint(directory_ / "latest", log_)) << "call " << calls_made;
    remove_checkpoint_leftovers(directory_.path());
    ASSERT_FALSE(has_leftovers());
    save_checkpoint(directory_.path(), second.contents(), testing::CallsWithoutSync());
    ASSERT_EQ(newest(), 2);
    if (!calls.struck()) break;
  }
  EXPECT_GT(calls_made, 50);
}

TEST_F(CheckpointStore, SurvivesAKillWhileADamagedOneIsReplaced) {
  const ToyState second(2);
  for (int at = 0;; ++at) {
    fs::remove_all(directory_.path());
    save(1);
    save(2);
    damage(2);
    const FaultyCalls calls(Fault::killed, at);
    try {
      save_checkpoint(directory_.path(), second.contents(), calls);
    } catch (const IoError&) {
    }
    ASSERT_GE(newest(), 1);
    if (!calls.struck()) break;
  }
  EXPECT_EQ(newest(), 2);
}

TEST_F(CheckpointStore, SurvivesAKillAtEverySystemCallOfARotation) {
  CheckpointOptions options;
  options.keep_last = 1;
  options.keep_best = 1;
  for (int at = 0;; ++at) {
    fs::remove_all(directory_.path());
    save(1, 5.0);
    save(2, 3.0);
    save(3, 4.0);
    const FaultyCalls calls(Fault::killed, at);
    try {
      rotate_checkpoints(directory_.path(), options, calls);
    } catch (const IoError&) {
    }
    ASSERT_EQ(newest(), 3);
    for (const CheckpointEntry& entry : list_checkpoints(directory_.path())) {
      ASSERT_NO_THROW((void)Checkpoint::read(entry.path));
    }
    if (!calls.struck()) break;
  }
  EXPECT_THAT(steps(), ElementsAre(2, 3));
}

TEST_F(CheckpointStore, RotationKeepsTheNewestThatIsDueWhereItIsAskedTo) {
  for (const int step : {4, 8, 9, 10}) save(step);
  CheckpointOptions options;
  options.every = {4, 0};
  options.keep_last = 1;
  options.keep_due = true;

  rotate_checkpoints(directory_.path(), options);

  EXPECT_THAT(steps(), ElementsAre(8, 10));
}

TEST_F(CheckpointStore, LinksLeadToWhatIsLeftWhenNewerOnesAreSetAside) {
  save(1, 5.0);
  save(2, 4.0);
  save(3, 3.0);
  rotate_checkpoints(directory_.path(), {});
  const auto target = [&](const char* link) {
    return fs::read_symlink(directory_ / link).string();
  };
  ASSERT_EQ(target("best"), "step-00000003");

  set_newer_aside(directory_.path(), 2, log_);
  EXPECT_EQ(target("latest"), "step-00000002");
  EXPECT_EQ(target("best"), "step-00000002");

  // As after a kill before the links were renamed.
  fs::remove(directory_ / "latest");
  fs::create_symlink("step-00000001", directory_ / "latest");
  fs::remove(directory_ / "best");
  set_newer_aside(directory_.path(), 2, log_);
  EXPECT_EQ(target("latest"), "step-00000002");
  EXPECT_EQ(target("best"), "step-00000002");

  set_newer_aside(directory_.path(), 0, log_);
  EXPECT_FALSE(fs::is_symlink(directory_ / "latest"));
  EXPECT_FALSE(fs::is_symlink(directory_ / "best"));
}

TEST_F(CheckpointStore, RotationSetsDamagedOnesAsideAndLeavesWhatItCannotRead) {
  for (int step = 1; step <= 4; ++step) save(step);
  fs::resize_file(directory_ / "step-00000001" / "manifest.json", 10);
  const fs::path unreadable = directory_ / "step-00000002" / "manifest.json";
  fs::remove(unreadable);
  fs::create_directory(unreadable);  // opens, but gives an error where it is read
  CheckpointOptions options;
  options.keep_last = 1;
  options.keep_best = 0;

  rotate_checkpoints(directory_.path(), options);

  EXPECT_THAT(steps(), ElementsAre(2, 4));
  EXPECT_TRUE(fs::exists(directory_ / "aside-step-00000001" / "model.safetensors"));
}

TEST_F(CheckpointStore, AFullDiskLeavesThePreviousOneAndNoRubbish) {
  save(1);
  const ToyState second(2);
  for (int at = 0; at < 40; ++at) {
    const FaultyCalls calls(Fault::disk_full, at);

    EXPECT_THAT(
        message_of<IoError>([&] { save_checkpoint(directory_.path(), second.contents(), calls); }),
        HasSubstr("No space left on device"));

    EXPECT_EQ(newest(), 1);
    EXPECT_FALSE(has_leftovers());
  }
}

TEST_F(CheckpointStore, SavingTheSameStateAgainLeavesTheFirstUntouched) {
  save(1);
  const auto before = fs::last_write_time(directory_ / "step-00000001");

  save(1);

  EXPECT_EQ(fs::last_write_time(directory_ / "step-00000001"), before);
  EXPECT_FALSE(has_leftovers());
}

// A real file system that fills up, where the test may mount one.
TEST_F(CheckpointStore, ARealFullDisk) {
  if (::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "mounting a tmpfs needs more rights";
  }
  save(1);
  std::string message;
  try {
    for (int step = 2; step < 100; ++step) save(step);
  } catch (const IoError& error) {
    message = error.what();
  }
  const std::int64_t found = newest();
  const bool leftovers = has_leftovers();
  ::umount(directory_.path().c_str());

  EXPECT_THAT(message, HasSubstr("No space left on device"));
  EXPECT_GE(found, 1);
  EXPECT_FALSE(leftovers);
}

}  // namespace
}  // namespace bertyard
