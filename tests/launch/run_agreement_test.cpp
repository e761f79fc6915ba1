// SPDX-License-Identifier: Apache-2.0
// Ranks that were not started alike, and mistakes on the command line under mpirun: one message
// for the whole job.
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using testing::Ended;

class AgreementRunTest : public RunTest {
 protected:
  // mpirun -n 1 FIRST : -n 1 SECOND
  Ended run_pair(const Arguments& first, const Arguments& second) const {
    Arguments command{BERTYARD_MPIEXEC, "-n", "1"};
    command.insert(command.end(), first.begin(), first.end());
    command.insert(command.end(), {":", "-n", "1"});
    command.insert(command.end(), second.begin(), second.end());
    return start(command).wait();
  }
  Ended run_two(const Arguments& arguments) const {
    Arguments command{BERTYARD_MPIEXEC, "-n", "2", BERTYARD_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return start(command).wait();
  }
};

TEST_F(AgreementRunTest, RanksWithOtherOverridesAreRefused) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended =
      run_pair(training_command(0, "run", {}), training_command(0, "run", {"optim.lr=1e-3"}));

  expect_error(ended, 2,
               {"the ranks do not have the same configuration", "on rank 0", "on rank 1",
                "give every rank the same file"});
  EXPECT_FALSE(fs::exists(path("runs")));
}

TEST_F(AgreementRunTest, AMistakeOnOneRankAloneIsReportedByThatRank) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended =
      run_pair(training_command(0, "run", {}), training_command(0, "run", {"optim.lr=fast"}));

  expect_error(ended, 2, {"[r1 ", "'optim.lr' is 'fast'"});
  EXPECT_FALSE(fs::exists(path("runs")));
}

TEST_F(AgreementRunTest, RanksOfTwoBuildsAreRefused) {
  BERTYARD_REQUIRE_MPIRUN();
  Arguments other = training_command(0, "run", {});
  other.front() = BERTYARD_OTHER_PROGRAM;

  const Ended ended = run_pair(training_command(0, "run", {}), other);

  expect_error(ended, 4,
               {"the ranks do not run the same program in the same environment", "program: ",
                "'0.0.1 another' on rank 1", "start every rank from one installation"});
  EXPECT_FALSE(fs::exists(path("runs")));
}

TEST_F(AgreementRunTest, ConfigurationMistakesOfTwoRanksAreReportedOnce) {
  expect_refused(2, {"<command line>:arg 4: error: 'optim.lr' is 'fast'", "1 error(s)"}, "run",
                 {"optim.lr=fast"});
  expect_refused(2, {"unknown key 'optim.lrr'; did you mean 'lr'?"}, "run", {"optim.lrr=1"});
  EXPECT_FALSE(fs::exists(path("runs")));
}

TEST_F(AgreementRunTest, CommandLineMistakesOfTwoRanksAreReportedOnce) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_error(run_two({"trian", config()}), 2, {"no command 'trian'; did you mean 'train'?"});
  expect_error(run_two({"train", config(), "--resum", "never"}), 2, {"--resum"});
  expect_error(run_two({"train", "gone.yaml"}), 2, {"cannot read the configuration 'gone.yaml'"});
}

TEST_F(AgreementRunTest, VerbsOfOneProcessRefuseSeveral) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_error(run_two({"export", "runs/run", "--to", "hf"}), 2,
               {"'export' is one process, but 2 were started; start it without mpirun"});
}

TEST_F(AgreementRunTest, PrepareOfTwoRanksKeepsWhatOneHasMade) {
  BERTYARD_REQUIRE_MPIRUN();
  const auto before = snapshot(path("data"));

  const Ended ended = run_two({"prepare", config()});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, ::testing::HasSubstr("nothing to do"));
  EXPECT_EQ(snapshot(path("data")), before);
}

TEST_F(AgreementRunTest, MoreRanksThanMicroBatchesAreRefused) {
  BERTYARD_REQUIRE_MPIRUN();
  expect_error(train(4, "run", {"parallel.micro_batch={tokens: 512, sequences: 16, masked: 80}"}),
               2, {"micro-batch"});
}

TEST_F(AgreementRunTest, DivergenceEndsWith5) {
  expect_refused(5, {"the gradient was not finite in 10 steps in a row"}, "diverged",
                 {"optim.lr=1e30", "optim.warmup=0 steps", "optim.clip=0"});
}

}  // namespace
}  // namespace bertyard
