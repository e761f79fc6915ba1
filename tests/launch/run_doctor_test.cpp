// SPDX-License-Identifier: Apache-2.0
// Starts that lack a rank, and the doctor, under mpirun.
#include <nlohmann/json.hpp>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;

class StartTest : public RunTest {
 protected:
  // Two ranks, of which rank 1 does `late` first.
  Ended start_with_late_rank(const std::string& late, const std::string& program) const {
    write("rank.sh", "[ $OMPI_COMM_WORLD_RANK = 0 ] || " + late + "\nexec '" BERTYARD_PROGRAM "' " +
                         program + "\n");
    return start({BERTYARD_MPIEXEC, "-n", "2", "bash", path("rank.sh").string()}).wait();
  }
};

TEST_F(StartTest, NamesARankThatNeverReachesMpi) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_with_late_rank("sleep 60 # " + config(),
                                           "train " + config() + " parallel.start_timeout=3s");

  EXPECT_EQ(ended.code, 4) << ended.errors;
  EXPECT_THAT(ended.errors,
              HasSubstr("error: start-up: 1 of 2 ranks reached MPI in 3 s; missing: rank 1 on "));
  EXPECT_THAT(snapshot(directory_.path() / "runs"), ::testing::IsEmpty());
}

// Rank 0 starts a second after rank 1, so that rank 1 gives up first.
TEST_F(StartTest, NamesOnlyWhoIsMissing) {
  BERTYARD_REQUIRE_MPIRUN();
  write("rank.sh",
        "case $OMPI_COMM_WORLD_RANK in 0) sleep 1 ;; 2) sleep 60 ;; esac\nexec '" BERTYARD_PROGRAM
        "' train " +
            config() + " parallel.start_timeout=4s\n");

  const Ended ended =
      start({BERTYARD_MPIEXEC, "-n", "3", "--oversubscribe", "bash", path("rank.sh").string()})
          .wait();

  EXPECT_EQ(ended.code, 4) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("2 of 3 ranks reached MPI in 4 s; missing: rank 2 on "));
  EXPECT_THAT(snapshot(directory_.path() / "runs"), ::testing::IsEmpty());
}

TEST_F(StartTest, ALateRankIsWaitedFor) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_with_late_rank(
      "sleep 4", "train " + config() + " parallel.start_timeout=60s --dry-run");

  EXPECT_EQ(ended.code, 0) << ended.errors;
}

TEST_F(StartTest, LeavesATableOfTheRanks) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = train(2, "table");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const std::string table = read(run("table") / "logs/ranks.txt");
  EXPECT_THAT(table, AllOf(HasSubstr("  rank  host"), HasSubstr("\n     1  ")));
}

TEST_F(StartTest, AnErrorIsNotFollowedByOpenMpisPage) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = train(2, "refused", {"data.train=absent"});

  EXPECT_NE(ended.code, 0);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("error: "), Not(HasSubstr("MPI_ABORT"))));
}

TEST_F(StartTest, TheDoctorLooksAtOneRankAndAtSeveral) {
  const Ended alone = run_program({"doctor"});
  EXPECT_EQ(alone.code, 0) << alone.output << alone.errors;
  EXPECT_THAT(alone.output, AllOf(HasSubstr("[ ok ] MPI       1 rank on 1 host, one world"),
                                  HasSubstr("storage   rename is atomic"),
                                  HasSubstr("network   one rank needs none")));
  BERTYARD_REQUIRE_MPIRUN();

  const Ended two =
      start({BERTYARD_MPIEXEC, "-n", "2", BERTYARD_PROGRAM, "doctor", config(), "--json"}).wait();

  EXPECT_EQ(two.code, 0) << two.output << two.errors;
  const nlohmann::json report = nlohmann::json::parse(two.output, nullptr, false);
  ASSERT_FALSE(report.is_discarded()) << two.output;
  EXPECT_EQ(report["ranks"], "2");
  EXPECT_EQ(report["failures"], 0);
  EXPECT_THAT(two.output, AllOf(HasSubstr("hash of the configuration on every rank"),
                                HasSubstr("all-reduce of 8 bytes"),
                                HasSubstr("the watchdog's heartbeats pass between the ranks")));
  EXPECT_FALSE(std::filesystem::exists(path("runs"))) << "it leaves nothing behind";
}

TEST_F(StartTest, TheDoctorDoesNotWaitForAStartThatIsOver) {
  for (const char* variable : {"PMIX_RANK=0", "PMIX_SERVER_TMPDIR=/absent/prte.7",
                               "PMIX_SERVER_URI2=77.0;tcp4://127.0.0.1:1"}) {
    process_options_.environment.push_back(variable);
  }

  const Ended text = run_program({"doctor"});
  const Ended json = run_program({"doctor", "--json"});

  EXPECT_EQ(text.code, 4) << text.output;
  EXPECT_THAT(text.output, AllOf(HasSubstr("[FAIL] leftovers OMPI_COMM_WORLD_* and PMIX_*"),
                                 HasSubstr("fix: a new shell, or: unset")));
  EXPECT_EQ(nlohmann::json::parse(json.output)["findings"][0]["topic"], "leftovers");
}

TEST_F(StartTest, TheDoctorSaysThatSrunWasNotUsed) {
  process_options_.environment.push_back("SLURM_NTASKS=4");

  const Ended ended = run_program({"doctor", "--json"});

  EXPECT_EQ(ended.code, 4) << ended.output;
  const auto finding = nlohmann::json::parse(ended.output)["findings"][0];
  EXPECT_THAT(finding["text"].get<std::string>(), HasSubstr("1 rank, but SLURM_NTASKS is 4: srun"));
  EXPECT_THAT(finding["fix"].get<std::string>(), HasSubstr("srun --mpi=pmix"));
}

// What a terminal keeps that was opened inside a job.
TEST_F(StartTest, TheDoctorNamesAnAllocationThatIsNotThisOnes) {
  process_options_.environment.push_back("SLURM_JOB_ID=77");
  process_options_.environment.push_back("SLURM_JOB_NODELIST=elsewhere[1-4]");

  const Ended ended = run_program({"doctor", "--json"});

  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("the hosts of that job are elsewhere[1-4]"));
}

TEST_F(StartTest, TheDoctorNeverHangs) {
  BERTYARD_REQUIRE_MPIRUN();

  const Ended ended = start_with_late_rank("sleep 60 # " + config(), "doctor --timeout 3");

  EXPECT_EQ(ended.code, 4) << ended.errors;
  EXPECT_THAT(ended.errors, AnyOf(HasSubstr("missing: rank 1"), HasSubstr("hangs in it")));
}

TEST_F(StartTest, TheDoctorFailsWhereNothingCanBeWritten) {
  const Ended ended = run_program({"doctor", config(), "run.dir=/proc/absent"});

  EXPECT_EQ(ended.code, 4) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("[FAIL] storage   /proc/absent cannot be written"),
                                  HasSubstr("fix: "), HasSubstr("1 failure")));
}

}  // namespace
}  // namespace bertyard
