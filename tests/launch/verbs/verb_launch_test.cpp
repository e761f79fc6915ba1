// SPDX-License-Identifier: Apache-2.0
// `bertyard launch` as a user types it, with an sbatch that notes what it is given.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "core/backend/built_with.h"
#include "tests/launch/small_run.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LaunchTest : public SmallRun {
 protected:
  // The program as a shell starts it in the run's place, with variables before it.
  Ended shell(const std::string& variables, const std::string& arguments) {
    write("go.sh", variables + " exec '" BERTYARD_PROGRAM "' " + arguments + "\n");
    const std::string command =
        "cd '" + directory_.path().string() + "' && bash go.sh >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }
  // `launch` with this text for sbatch.
  Ended with_sbatch(const std::string& script, const std::string& arguments) {
    const std::string sbatch = write("sbatch", "#!/bin/sh\n" + script + "\n");
    ::chmod(sbatch.c_str(), 0700);
    return shell("PATH='" + directory_.path().string() + "':$PATH", arguments);
  }
  void expect_refused(const std::string& arguments, const std::string& words) {
    const Ended ended = run("launch run.yaml " + arguments);
    EXPECT_EQ(ended.code, 2) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr(words));
  }
};

TEST_F(LaunchTest, WritesShowsAndSubmits) {
  expect_runs("prepare run.yaml");

  const Ended ended = with_sbatch("echo \"$@\" >given; echo 'warning: x' >&2; echo 123",
                                  "launch run.yaml --nodes 2 --tasks-per-node 4 --time 10 "
                                  "parallel.micro_batch.tokens=32 optim.lr=1e-3 --submit");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const std::string script = read("runs/r/slurm/job.sbatch");
  EXPECT_THAT(ended.output, AllOf(HasSubstr("ok: 4 steps on 8 ranks\n"), HasSubstr(script),
                                  HasSubstr("job 123: output in ")));
  EXPECT_THAT(
      script,
      AllOf(
          HasSubstr("#SBATCH --nodes=2\n"), HasSubstr("--ntasks-per-node=4\n"),
          HasSubstr("#SBATCH --time=10\n"),
          HasSubstr("train run.yaml parallel.micro_batch.tokens=32 optim.lr=1e-3 --resume auto")));
  EXPECT_THAT(read("given"), HasSubstr("--parsable " + directory_.path().string()));
}

TEST_F(LaunchTest, DoesNotSubmitWhatCheckRefuses) {
  const Ended unprepared = with_sbatch("echo 123 >given", "launch run.yaml --submit");
  EXPECT_EQ(unprepared.code, 3);
  EXPECT_THAT(unprepared.errors, AllOf(HasSubstr("vocab.txt"), HasSubstr("nothing was submitted"),
                                       HasSubstr("--no-check submits it as it is")));
  EXPECT_TRUE(read("given").empty());

  expect_runs("prepare run.yaml");
  const Ended crowded = with_sbatch("echo 123 >given", "launch run.yaml --nodes 99 --submit");
  EXPECT_EQ(crowded.code, 2);
  EXPECT_THAT(crowded.errors, AllOf(HasSubstr("99 ranks"), HasSubstr("nothing was submitted")));
  const Ended here = run("launch run.yaml --local 99 --submit");
  EXPECT_EQ(here.code, 2);
  EXPECT_THAT(here.errors, AllOf(HasSubstr("99 ranks"), HasSubstr("nothing was submitted")));

  EXPECT_TRUE(read("given").empty());
  EXPECT_TRUE(read("runs/r/slurm/job.sbatch").empty());
}

TEST_F(LaunchTest, SubmitsUncheckedWhereItIsTold) {
  const Ended ended = with_sbatch("echo 123", "launch run.yaml --submit --no-check");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("job 123: output in "));
  expect_refused("--no-check", "--no-check requires --submit");
}

// The GPUs are the job's hosts', not this one's.
TEST_F(LaunchTest, ChecksTheMemoryOfGpusThatAreElsewhere) {
  if (built_with_cuda()) GTEST_SKIP() << "a build with CUDA looks for the GPU itself";
  expect_runs("prepare run.yaml");

  const Ended ended =
      with_sbatch("echo 123 >given",
                  "launch run.yaml --gpus-per-node 1 --submit launch.program=/opt/bertyard "
                  "'cluster.device_memory=64 MiB'");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors,
              AllOf(HasSubstr("GPU memory: a rank needs "), HasSubstr("nothing was submitted")));
  EXPECT_TRUE(read("given").empty());
}

TEST_F(LaunchTest, TellsWhySbatchRefused) {
  expect_runs("prepare run.yaml");

  const Ended ended = with_sbatch("echo 'error: no such partition' >&2; exit 1",
                                  "launch run.yaml --partition x --submit");

  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("sbatch refused"), HasSubstr("no such partition")));
}

TEST_F(LaunchTest, TellsThatThereIsNoSbatch) {
  const Ended ended = shell("PATH=/var/empty", "launch run.yaml --submit --no-check");

  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("'sbatch' cannot be started: No such file or directory; is "
                                      "it installed here?"));
}

TEST_F(LaunchTest, IsOneProcess) {
  const Ended ended = shell("OMPI_COMM_WORLD_SIZE=2", "launch run.yaml");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("'launch' is one process, but 2 were started"));
}

TEST_F(LaunchTest, AnOrdinaryRunMayFollowInItsDirectory) {
  expect_runs("prepare run.yaml");
  expect_runs("launch run.yaml");
  expect_runs("launch run.yaml --local 1");
  expect_runs("train run.yaml --resume never");
}

TEST_F(LaunchTest, RefusesWhatCannotWork) {
  expect_refused("--hosts x --local 2", "--hosts and --local exclude each other");
  expect_refused("--local 2 slurm.array=1-2", "'slurm.array' needs SLURM");
  expect_refused("--local 2 --array 1-2",
                 "only a SLURM job obeys --array; take it out, or --hosts and --local");
  expect_refused("--hosts x --by srun --nodes 2 --tasks-per-node 2 --time 10 --partition p",
                 "obeys --by, --nodes, --tasks-per-node, --time, --partition; take them out");
  expect_refused("--local 2 --account a --qos q --constraint c",
                 "obeys --account, --qos, --constraint");
  expect_refused("--array 1-", "expected sbatch's list of task ids");
  expect_refused("--time tomorrow", "expected minutes, hh:mm:ss or d-hh:mm:ss");
  expect_refused("--gpus-per-node 4 --tasks-per-node 2", "a rank drives one GPU");
  expect_refused("--nodes 9 parallel.reduction=ordered",
                 "parallel.leaves 8 is fewer than 9 ranks; ordered reduction needs leaves >= "
                 "ranks; use 9");
  expect_refused("--hosts absent", "the host file 'absent' cannot be read");
  expect_refused("slurm.vary=run.sed", "expected a key such as run.seed");
  expect_refused("'slurm.partition=\"a\\nb\"'", "expected one line of text");
}

}  // namespace
}  // namespace bertyard
