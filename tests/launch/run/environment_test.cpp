// SPDX-License-Identifier: Apache-2.0
#include "launch/run/environment.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

EnvironmentLookup variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> const char* {
    const auto at = values.find(name);
    return at == values.end() ? nullptr : at->second.c_str();
  };
}

TEST(FindLauncher, ReadsTheVariablesOfEachLauncher) {
  const Launcher shell = find_launcher(variables({}));
  const Launcher mpirun = find_launcher(variables({{"OMPI_COMM_WORLD_SIZE", "4"},
                                                   {"OMPI_COMM_WORLD_RANK", "2"},
                                                   {"PMIX_RANK", "0"},
                                                   {"SLURM_NTASKS", "8"}}));
  const Launcher srun = find_launcher(
      variables({{"PMIX_RANK", "3"}, {"SLURM_STEP_NUM_TASKS", "16"}, {"SLURM_NTASKS", "16"}}));
  const Launcher mpich = find_launcher(variables({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}}));

  EXPECT_EQ(shell.kind, LauncherKind::none);
  EXPECT_EQ(shell.processes, 1);
  EXPECT_EQ(shell.rank, 0);
  EXPECT_EQ(mpirun.kind, LauncherKind::mpirun);
  EXPECT_EQ(mpirun.processes, 4);
  EXPECT_EQ(mpirun.rank, 2);
  EXPECT_EQ(mpirun.slurm_tasks, 8);
  EXPECT_EQ(srun.kind, LauncherKind::pmix);
  EXPECT_EQ(srun.processes, 16);
  EXPECT_EQ(srun.rank, 3);
  EXPECT_EQ(mpich.kind, LauncherKind::old_pmi);
  EXPECT_EQ(mpich.processes, 2);
  EXPECT_EQ(mpich.rank, 1);
}

TEST(FindLauncher, TakesNonsenseForAbsent) {
  EXPECT_EQ(find_launcher(variables({{"SLURM_NTASKS", "4x"}})).slurm_tasks, 0);
  EXPECT_EQ(find_launcher(variables({{"SLURM_NTASKS", ""}})).slurm_tasks, 0);
  EXPECT_EQ(find_launcher(variables({{"PMI_SIZE", "-1"}})).processes, 1);
}

TEST(FindLauncher, KnowsHowManyRanksTheHostHas) {
  const Launcher mpirun = find_launcher(variables({{"OMPI_COMM_WORLD_SIZE", "4"},
                                                   {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                                   {"PMIX_NAMESPACE", "1842216961"}}));
  const Launcher srun = find_launcher(variables({{"PMIX_RANK", "3"},
                                                 {"PMIX_NAMESPACE", "slurm.pmix.12.0"},
                                                 {"SLURM_RESTART_COUNT", "1"},
                                                 {"SLURM_NODEID", "2"},
                                                 {"SLURM_STEP_TASKS_PER_NODE", "2(x2),1"}}));

  EXPECT_EQ(mpirun.local_processes, 2);
  EXPECT_EQ(mpirun.job, "1842216961");
  EXPECT_EQ(srun.local_processes, 1);
  EXPECT_EQ(srun.job, "slurm.pmix.12.0-1");
  EXPECT_EQ(tasks_of_node("8", 0), 8);
  EXPECT_EQ(tasks_of_node("8(x3)", 2), 8);
  EXPECT_EQ(tasks_of_node("8(x3)", 3), 0);
  EXPECT_EQ(tasks_of_node("nonsense", 0), 0);
}

TEST(CheckOneProcess, RefusesSeveral) {
  check_one_process({LauncherKind::mpirun, 1, 0}, "export");
  check_one_process({LauncherKind::none, 1, 8}, "export");  // in a batch script of eight tasks
  EXPECT_THAT(
      [] {
        check_one_process({LauncherKind::pmix, 8, 8}, "export");
      },
      ThrowsMessage<UsageError>(HasSubstr(
          "'export' is one process, but 8 were started; start it without mpirun or srun")));
}

TEST(CheckWorldSize, AcceptsWhatWasMeant) {
  check_world_size({LauncherKind::none, 1, 0}, 1, "bertyard");
  check_world_size({LauncherKind::none, 1, 1}, 1, "bertyard");
  check_world_size({LauncherKind::mpirun, 1, 16}, 1, "bertyard");  // mpirun -n 1 in an allocation
  check_world_size({LauncherKind::pmix, 16, 16}, 16, "bertyard");
}

TEST(CheckWorldSize, RefusesProcessesThatDoNotFindEachOther) {
  EXPECT_THAT(
      [] {
        check_world_size({LauncherKind::mpirun, 4, 0}, 1, "bertyard train a.yaml");
      },
      ThrowsMessage<EnvironmentError>(
          AllOf(HasSubstr("started 4 processes, but each of them is alone"),
                HasSubstr("srun --mpi=pmix bertyard train a.yaml"))));
}

TEST(MpiEnvironment, IsOneRankFromAShell) {
  MpiEnvironment environment({"bertyard"}, variables({}));

  const ProcessGroup group = environment.make_process_group();

  EXPECT_EQ(environment.rank(), 0);
  EXPECT_EQ(environment.size(), 1);
  EXPECT_FALSE(environment.host().empty());
  EXPECT_EQ(group.size(), 1);
  EXPECT_EQ(group.local_rank, 0);
  EXPECT_EQ(group.communicator->name(), "single");
  EXPECT_EQ(group.control->agree_max("x", 3), 3);
  environment.abort(5);
  environment.finalize();
}

TEST(MpiEnvironment, RefusesASlurmJobWithoutSrun) {
  EXPECT_THAT(
      [] {
        MpiEnvironment({"bertyard train base.yaml"}, variables({{"SLURM_NTASKS", "16"}}));
      },
      ThrowsMessage<EnvironmentError>(
          AllOf(HasSubstr("started 1 process but SLURM_NTASKS=16: srun was not used"),
                HasSubstr("fix: srun --mpi=pmix bertyard train base.yaml"),
                HasSubstr("unset SLURM_NTASKS"))));
}

}  // namespace
}  // namespace bertyard
