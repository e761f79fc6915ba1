// SPDX-License-Identifier: Apache-2.0
#include "train/journal/run_directory.h"

#include <nlohmann/json.hpp>

#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "tests/train/toy_state.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::SizeIs;
using testing::TemporaryDirectory;
using testing::ToyState;

class RunDirectoryTest : public ::testing::Test {
 protected:
  RunDirectory open(ResumeMode resume = ResumeMode::automatic) {
    return RunDirectory::open(options_, resume, log_);
  }

  TemporaryDirectory directory_;
  RunOptions options_{"base", directory_.path().string(), 42};
  fs::path path_ = directory_ / "base";
  Logger log_{{LogLevel::off, LogLevel::off, ""}};
};

TEST_F(RunDirectoryTest, ANewRunGetsAnIdThatStays) {
  std::string id;
  {
    const RunDirectory first = open(ResumeMode::never);
    id = first.id();
    first.write_record({"a: 1\n", "a: 1\nb: 2\n", "bertyard train a.yaml", {{"version", "0.1"}}});
    first.set_status(RunStatus::stopped, "USR1 at step 7");
    first.write_summary({{"steps", 6}, {"held_out", 2.5}});
    first.write_summary({{"steps", 7}});
    first.write_summary({});
  }

  const RunDirectory second = open();

  EXPECT_THAT(id, SizeIs(16));
  EXPECT_EQ(second.id(), id);
  EXPECT_EQ(read_file(path_ / "config.input.yaml"), "a: 1\n");
  EXPECT_EQ(read_file(path_ / "config.resolved.yaml"), "a: 1\nb: 2\n");
  EXPECT_EQ(read_file(path_ / "command.txt"), "bertyard train a.yaml\n");
  EXPECT_EQ(read_file(path_ / "STATUS"), "stopped: USR1 at step 7\n");
  EXPECT_EQ(nlohmann::json::parse(read_file(path_ / "env.json"))["version"], "0.1");
  EXPECT_EQ(nlohmann::json::parse(read_file(path_ / "summary.json"))["steps"], 7);
  EXPECT_EQ(nlohmann::json::parse(read_file(path_ / "summary.json"))["held_out"], 2.5);
  EXPECT_EQ(second.log_file(5), path_ / "logs/rank-0005.log");
}

TEST_F(RunDirectoryTest, TwoTrainersInOneDirectoryAreRefused) {
  const RunDirectory first = open();

  const std::string message = message_of<EnvironmentError>([&] { open(); });

  EXPECT_THAT(message, HasSubstr("is in use by process"));
}

TEST_F(RunDirectoryTest, NeverRefusesADirectoryThatIsNotEmpty) {
  open();

  EXPECT_THAT(message_of<UsageError>([&] { open(ResumeMode::never); }),
              HasSubstr("is not empty and checkpoint.resume is 'never'"));
}

TEST_F(RunDirectoryTest, ExaminingChangesNothingAndHasTheErrorsOfOpening) {
  EXPECT_EQ(RunDirectory::examine(options_, ResumeMode::never, log_).id(), "");
  EXPECT_FALSE(fs::exists(path_));
  const std::string id = open().id();

  EXPECT_EQ(RunDirectory::examine(options_, ResumeMode::automatic, log_).id(), id);
  EXPECT_THAT(
      message_of<UsageError>([&] { RunDirectory::examine(options_, ResumeMode::never, log_); }),
      HasSubstr("is not empty"));
  const RunDirectory held = open();
  EXPECT_THAT(message_of<EnvironmentError>(
                  [&] { RunDirectory::examine(options_, ResumeMode::automatic, log_); }),
              HasSubstr("is in use by process"));
}

TEST_F(RunDirectoryTest, AFileInTheWayIsFoundWithoutCreatingAnything) {
  write_file_atomically(path_, "a file");

  EXPECT_THAT(message_of<IoError>([&] { RunDirectory::require_writable(options_); }),
              HasSubstr("base is no directory; set run.dir"));
}

TEST_F(RunDirectoryTest, AJobScriptAndLeftoversAreNoRun) {
  fs::create_directories(path_ / "slurm");
  write_file_atomically(path_ / ".tmp-STATUS-7", "");

  EXPECT_NO_THROW(open(ResumeMode::never));
  EXPECT_FALSE(fs::exists(path_ / ".tmp-STATUS-7"));
}

TEST_F(RunDirectoryTest, SomebodyElsesDirectoryIsRefused) {
  fs::create_directories(path_);
  write_file_atomically(path_ / "thesis.tex", "x");

  EXPECT_THAT(message_of<UsageError>([&] { open(); }), HasSubstr("holds files but no run"));
}

TEST_F(RunDirectoryTest, ADamagedRecordIsNamed) {
  fs::create_directories(path_);
  write_file_atomically(path_ / "env.json", "{}");

  EXPECT_THAT(message_of<DataError>([&] { open(); }), HasSubstr("env.json: 'run_id' is missing"));
}

TEST_F(RunDirectoryTest, AnUnwritablePlaceIsAnInputOutputErrorWithAdvice) {
  write_file_atomically(directory_ / "file", "x");
  options_.directory = (directory_ / "file").string();

  const std::string message = message_of<IoError>([&] { open(); });

  EXPECT_THAT(message, HasSubstr("cannot be written: Not a directory"));
  EXPECT_THAT(message, HasSubstr("set run.dir to a directory"));
}

TEST_F(RunDirectoryTest, ResumeCandidatesFollowTheMode) {
  const RunDirectory run = open();
  CheckpointOptions options;
  EXPECT_TRUE(run.resume_candidates(options, log_).empty());
  for (const int step : {3, 4}) save_checkpoint(run.checkpoints(), ToyState(step).contents());
  const fs::path third = run.checkpoints() / "step-00000003";
  const fs::path fourth = run.checkpoints() / "step-00000004";

  EXPECT_EQ(run.resume_candidates(options, log_), (std::vector<fs::path>{fourth, third}));
  options.resume = ResumeMode::from_path;
  options.resume_path = third.string();
  EXPECT_EQ(run.resume_candidates(options, log_), std::vector<fs::path>{third});
  options.resume_path = (directory_ / "nothing").string();
  EXPECT_THAT(message_of<DataError>([&] { (void)run.resume_candidates(options, log_); }),
              HasSubstr("expected a checkpoint or a run directory with one, found nothing"));
  options.resume = ResumeMode::never;
  EXPECT_TRUE(run.resume_candidates(options, log_).empty());
}

}  // namespace
}  // namespace bertyard
