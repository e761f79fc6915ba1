// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/job_script.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "launch/jobs/launch_templates.h"
#include "launch/jobs/shell_words.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

JobPlan plan() {
  JobPlan plan;
  plan.config = "run.yaml";
  plan.directory = "/home/ann/my run";
  plan.run = "/home/ann/my run/runs/it's";
  plan.output = "/home/ann/my run/runs/it's/slurm";
  plan.program = {"/opt/bertyard/bin/bertyard", "train"};
  plan.arguments = {"run.yaml", "optim.lr=1e-4", "--resume", "auto"};
  plan.run_name = "it's";
  return plan;
}

// A script against the file of tests/golden/launch; a script that is meant to change replaces it.
void expect_golden(const std::string& script, const std::string& name) {
  const std::string path = BERTYARD_SOURCE_DIR "/tests/golden/launch/" + name;
  std::ifstream file(path);
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  EXPECT_TRUE(script == golden) << path << " should be:\n" << script;
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "script") << script;
  const std::string check = "bash -n '" + (directory / "script").string() + "'";
  EXPECT_EQ(std::system(check.c_str()), 0) << "not a shell script";
}

TEST(JobScript, OfSrunWithGpusAndEveryOption) {
  JobPlan job = plan();
  job.slurm.nodes = 4;
  job.slurm.gpus_per_node = 8;
  job.slurm.cpus_per_task = 12;
  job.slurm.time = "24:00:00";
  job.slurm.partition = "gpu";
  job.slurm.account = "nlp";
  job.slurm.qos = "long";
  job.slurm.constraint = "h100&nvlink";
  job.slurm.modules = {"cuda", "openmpi/4.1"};
  job.slurm.container = "apptainer exec --nv /images/bert.sif";
  job.slurm.options = {"--mem=0", "--exclusive"};
  job.launch.setup = {"export NCCL_SOCKET_IFNAME=ib0"};
  job.launch.restarts = 3;

  expect_golden(slurm_script(job), "srun.sbatch");
}

TEST(JobScript, OfMpirunInSlurm) {
  JobPlan job = plan();
  job.launch.by = StartedBy::mpirun;
  job.slurm.nodes = 2;
  job.slurm.tasks_per_node = 2;
  job.slurm.signal = "USR2";
  job.slurm.signal_before = 120;
  job.slurm.requeue = false;
  job.is_root = true;

  expect_golden(slurm_script(job), "mpirun.sbatch");
}

TEST(JobScript, OfAJobArray) {
  JobPlan job = plan();
  job.slurm.array = "1-5%2";

  const std::string script = slurm_script(job);

  EXPECT_THAT(script, AllOf(HasSubstr("#SBATCH --array=1-5%2\n"), HasSubstr("/slurm-%A_%a.out\"\n"),
                            HasSubstr(" 'run.name=it'\\''s-'\"$SLURM_ARRAY_TASK_ID\" "
                                      "run.seed=\"$SLURM_ARRAY_TASK_ID\"")));
}

TEST(JobScript, OfMpirunWithAHostFileAndWithout) {
  JobPlan job = plan();
  job.launch.lost_after = 11;

  expect_golden(mpirun_script(job, {"/home/ann/my run/hosts", 12}), "hosts.sh");
  EXPECT_THAT(mpirun_script(job, {"", 2}),
              AllOf(HasSubstr("exec mpirun -n \"$ranks\" --oversubscribe --bind-to none"),
                    HasSubstr("ranks=${1:-2}\n"), Not(HasSubstr("hosts="))));
}

TEST(JobScript, ThreadsThatAreSaidStay) {
  JobPlan job = plan();
  job.slurm.cpus_per_task = 4;
  EXPECT_THAT(slurm_script(job), HasSubstr(" parallel.threads=4"));

  job.arguments.insert(job.arguments.begin() + 1, "parallel.threads=2");

  EXPECT_THAT(slurm_script(job), Not(HasSubstr("parallel.threads=4")));
}

TEST(JobScript, RefusesValuesThatWouldBecomeLines) {
  JobPlan job = plan();
  job.arguments.emplace_back("run.name=a\nrm -rf ~");
  EXPECT_THAT([&] { slurm_script(job); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("an argument has a line break"),
                                              HasSubstr("0x0a after 'run.name=a'"))));

  job = plan();
  job.output = "/home/a\\b";
  EXPECT_THAT([&] { slurm_script(job); }, ThrowsMessage<UsageError>(HasSubstr("has a backslash")));
}

TEST(HostProbes, AddUpToTheTimeThatWasAsked) {
  for (const int seconds : {5, 11, 20, 30, 90, 600}) {
    const HostProbes probes = probes_of(seconds);
    EXPECT_EQ(probes.idle + probes.interval * probes.probes, seconds);
    EXPECT_GE(probes.idle, 1);
  }
  EXPECT_EQ(probes_of(90).idle, 60);
}

TEST(ShellWord, GivesTheShellBackWhatItWas) {
  for (const std::string text : {"plain-1.5_x/y", "", "a b", "it's", "$HOME `date` \"x\" \\", "#x",
                                 "a;b|c>d&e", "äö", "*?[a]", "-n"}) {
    const testing::TemporaryDirectory directory;
    const std::string out = (directory / "out").string();
    const std::string script = "printf %s " + shell_word(text) + " > '" + out + "'\n";
    std::ofstream(directory / "script") << script;
    ASSERT_EQ(std::system(("bash '" + (directory / "script").string() + "'").c_str()), 0);
    std::ifstream file(out);
    const std::string back(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(back, text);
  }
}

TEST(SbatchWord, EscapesWhatSbatchReadsOtherwise) {
  EXPECT_EQ(sbatch_word("gpu"), "gpu");
  EXPECT_EQ(sbatch_word("a b#c'd\"e\\f"), R"("a b#c'd\"e\\f")");
  EXPECT_EQ(sbatch_path("/x/100%", "/%j"), "/x/100%%/%j");
  EXPECT_EQ(sbatch_path("/a b", "/%j"), R"("/a b/%j")");
}

TEST(FillTemplate, DropsLinesOfEmptyValuesAndKnowsItsPlaces) {
  EXPECT_EQ(fill_template("a @X@ b\n@Y@\nc@Y@\n", {{"X", "1"}, {"Y", ""}}), "a 1 b\nc\n");
  EXPECT_EQ(fill_template("@Y@\n", {{"Y", "l1\nl2"}}), "l1\nl2\n");
  EXPECT_THROW(fill_template("@X@\n", {}), Error);
  EXPECT_THROW(fill_template("a\n", {{"X", "1"}}), Error);
}

}  // namespace
}  // namespace bertyard
