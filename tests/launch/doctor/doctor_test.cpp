// SPDX-License-Identifier: Apache-2.0
#include "launch/doctor/doctor.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "launch/run/deadline.h"
#include "launch/run/rank_table.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

// Four ranks on two hosts where all is well.
std::vector<RankFacts> healthy() {
  std::vector<RankFacts> facts(4);
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    RankFacts& own = facts[rank];
    own.host = rank < 2 ? "n1" : "n2";
    own.program = "0123456789abcdef";
    own.mpi = "Open MPI v4.1.4, package: x";
    own.cores = "0-15";
    own.allowed_cores = own.online_cores = 16;
    own.threads = 8;
    own.locked_bytes = -1;
    own.open_files = 65536;
    own.shared_free = std::int64_t{8} << 30;
    own.interfaces = {"eth0", "ib0", "lo"};
  }
  return facts;
}

auto says(Grade grade, const std::string& topic, const std::string& text) {
  return AllOf(Field(&Finding::grade, grade), Field(&Finding::topic, topic),
               Field(&Finding::text, HasSubstr(text)));
}

Findings all(const std::vector<RankFacts>& facts, const Launcher& launcher = {}) {
  Findings findings = judge_ranks(facts, launcher);
  for (const Findings& more : {judge_devices(facts, {}), judge_hosts(facts), judge_variables(facts),
                               judge_leftovers(facts), judge_clocks(facts, 0.01)}) {
    findings.insert(findings.end(), more.begin(), more.end());
  }
  return findings;
}

TEST(Doctor, FindsNothingWhereAllIsWell) {
  const Findings findings = all(healthy());

  EXPECT_THAT(findings, Each(Field(&Finding::grade, Grade::ok))) << findings_text(findings);
  EXPECT_THAT(findings, Contains(says(Grade::ok, "MPI", "4 ranks on 2 hosts, 2 each, one world")));
}

TEST(Doctor, FactsSurviveTheirWayToRankZero) {
  std::vector<RankFacts> facts = healthy();
  facts[0].variables["OMP_NUM_THREADS"] = "4 \"x\"";
  facts[0].clock = 1234.5;

  const RankFacts back = parse_facts(facts_text(facts[0]));

  EXPECT_EQ(facts_text(back), facts_text(facts[0]));
  EXPECT_EQ(back.variables, facts[0].variables);
}

TEST(Doctor, ComparesRanks) {
  std::vector<RankFacts> facts = healthy();
  facts[3].program = "another";
  facts[1].configuration = facts[0].configuration = "c1";
  facts[2].configuration = facts[3].configuration = "c2";
  facts[2].mpi = "Open MPI v5.0.0";

  const Findings findings = judge_ranks(facts, {.kind = LauncherKind::pmix, .slurm_tasks = 16});

  EXPECT_THAT(findings, Contains(says(Grade::warning, "MPI", "but SLURM_NTASKS is 16")));
  EXPECT_THAT(findings,
              Contains(says(Grade::failure, "program", "0123456789abcdef on 0-2; another on 3")));
  EXPECT_THAT(findings, Contains(says(Grade::failure, "config", "c1 on 0-1; c2 on 2-3")));
  EXPECT_THAT(findings, Contains(says(Grade::failure, "MPI", "Open MPI v5.0.0 on 2")));
}

TEST(Doctor, SeesBindingAndTooManyThreads) {
  std::vector<RankFacts> facts = healthy();
  facts[1].cores = "3";
  facts[1].allowed_cores = 1;
  facts[3].threads = 9;

  const Findings findings = judge_ranks(facts, {});

  EXPECT_THAT(findings, Contains(says(Grade::warning, "binding",
                                      "rank 1 on n1 may run on core 3 alone, for 8 threads")));
  EXPECT_THAT(findings,
              Contains(says(Grade::warning, "threads", "n2: the ranks make 17 threads on 16")));
}

TEST(Doctor, SeesLimitsOfHosts) {
  std::vector<RankFacts> facts = healthy();
  facts[2].has_infiniband = true;
  facts[2].locked_bytes = 65536;
  facts[2].open_files = 256;
  facts[2].shared_free = 8 << 20;

  const Findings findings = judge_hosts(facts);

  EXPECT_THAT(findings, Contains(says(Grade::warning, "limits", "n2: InfiniBand, but at most 0")));
  EXPECT_THAT(findings, Contains(says(Grade::warning, "limits", "n2: at most 256 open files")));
  EXPECT_THAT(findings, Contains(says(Grade::failure, "limits", "n2: 8 MiB are free in /dev/shm")));
}

TEST(Doctor, SeesStaleVariables) {
  std::vector<RankFacts> facts = healthy();
  for (RankFacts& own : facts) own.variables["OMPI_MCA_btl_tcp_if_include"] = "10.0.0.0/8,eth7";
  facts[0].variables["NCCL_SOCKET_IFNAME"] = "ib";
  facts[0].variables["CUDA_VISIBLE_DEVICES"] = "0";
  facts[1].variables["OMP_NUM_THREADS"] = "1";

  const Findings findings = judge_variables(facts);

  EXPECT_THAT(findings,
              Contains(says(Grade::failure, "variables",
                            "n1: OMPI_MCA_btl_tcp_if_include=10.0.0.0/8,eth7, but eth7")));
  EXPECT_THAT(findings, Contains(says(Grade::warning, "variables", "NCCL_SOCKET_IFNAME differs")));
  EXPECT_THAT(findings, Contains(says(Grade::warning, "variables",
                                      "rank 1 on n1: OMP_NUM_THREADS is 1, but it makes 8 threads "
                                      "on cores 0-15")));
  EXPECT_THAT(findings, Contains(says(Grade::ok, "variables",
                                      "CUDA_VISIBLE_DEVICES, NCCL_SOCKET_IFNAME, "
                                      "OMPI_MCA_btl_tcp_if_include, OMP_NUM_THREADS")));
  EXPECT_THAT(findings, Not(Contains(says(Grade::warning, "variables", "CUDA_VISIBLE_DEVICES"))));
  for (const Finding& found : findings) EXPECT_EQ(found.fix.empty(), found.grade == Grade::ok);
}

TEST(Doctor, ThreadsThatAreAsManyAsTheVariableSaysAreFine) {
  std::vector<RankFacts> facts = healthy();
  for (RankFacts& own : facts) own.variables["OMP_NUM_THREADS"] = "8";

  EXPECT_THAT(judge_variables(facts), Each(Field(&Finding::grade, Grade::ok)));
}

TEST(Doctor, SeesWhatDebuggingLeftBehind) {
  std::vector<RankFacts> facts = healthy();
  facts[2].variables = {{"NCCL_IB_DISABLE", "1"}, {"CUDA_LAUNCH_BLOCKING", "0"}};
  facts[3].variables = facts[2].variables;

  const Findings findings = judge_variables(facts);

  EXPECT_THAT(findings,
              Contains(says(Grade::warning, "variables", "n2: NCCL_IB_DISABLE=1: InfiniBand")));
  EXPECT_THAT(findings, Not(Contains(Field(&Finding::text, HasSubstr("waits for every kernel")))));
}

TEST(Doctor, SeesAnAllocationThatIsNotThisOnes) {
  std::vector<RankFacts> facts = healthy();
  for (RankFacts& own : facts) {
    own.job = {{"SLURM_JOB_ID", "77"}, {"SLURM_JOB_NODELIST", "n[1,3-4]"}};
    own.clock = 1000;
  }

  const Findings elsewhere = judge_leftovers(facts);
  for (RankFacts& own : facts) {
    own.job["SLURM_JOB_NODELIST"] = "n[1-2]";
    own.job["SLURM_JOB_END_TIME"] = "1001";
  }
  const Findings inside = judge_leftovers(facts);
  facts[0].job["SLURM_JOB_END_TIME"] = "999";
  const Findings late = judge_leftovers(facts);

  EXPECT_THAT(elsewhere, ::testing::ElementsAre(says(
                             Grade::warning, "leftovers",
                             "n2: SLURM_JOB_ID is 77, but the hosts of that job are n[1,3-4]")));
  EXPECT_THAT(elsewhere[0].fix, HasSubstr("unset ${!SLURM_*}"));
  EXPECT_THAT(inside, Each(Field(&Finding::grade, Grade::ok)));
  EXPECT_THAT(late, Contains(says(Grade::warning, "leftovers", "the time of that job is over")));
}

TEST(Doctor, ReadsSlurmsListsOfHosts) {
  EXPECT_TRUE(is_host_of("m2,n[08-12,20]-a,x", "n10-a"));
  EXPECT_TRUE(is_host_of("m2,n[08-12,20]-a,x", "n08-a"));
  EXPECT_TRUE(is_host_of("m2,n[08-12,20]-a,x", "x.cluster.org"));
  EXPECT_TRUE(is_host_of("r[1-2]n[1-4]", "r2n4"));
  for (const char* other : {"n8-a", "n13-a", "n10", "m3", "n-a", "n008-a", ""}) {
    EXPECT_FALSE(is_host_of("m2,n[08-12,20]-a,x", other)) << other;
  }
  for (const char* odd : {"", "n[", "n[]", "n[a-b]", "n]1[", "n[1", "n[-]", ",,"}) {
    EXPECT_FALSE(is_host_of(odd, "n1")) << odd;
  }
}

TEST(Doctor, SeesAStartThatIsOver) {
  std::map<std::string, std::string> variables{
      {"PMIX_SERVER_TMPDIR", "/absent/prte.7"},
      {"PMIX_SERVER_URI2", "77.0;tcp4://127.0.0.1:1"}};  // nobody listens at port 1
  const auto lookup = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };

  const Findings over = judge_start(lookup, {});
  variables["PMIX_SERVER_TMPDIR"] = "/";
  const Findings there = judge_start(lookup, {});
  variables["PMIX_SERVER_TMPDIR"] = "/absent";
  variables["PMIX_SERVER_URI2"] = "77.0;unknown";
  const Findings unknown = judge_start(lookup, {});

  EXPECT_THAT(over, Contains(says(Grade::failure, "leftovers", "of a start that is over")));
  EXPECT_THAT(there, ::testing::IsEmpty());
  EXPECT_THAT(unknown, ::testing::IsEmpty());
}

TEST(Doctor, SeesASlurmJobWithoutSrun) {
  RankFacts own = healthy()[0];
  own.job = {{"SLURM_JOB_ID", "77"}, {"SLURM_JOB_NODELIST", "n[5-9]"}};
  const auto lookup = [](const char* name) {
    return std::string_view(name) == "SLURM_NTASKS" ? "16" : nullptr;
  };

  const Findings findings = judge_start(lookup, own);

  EXPECT_THAT(findings, ::testing::ElementsAre(
                            says(Grade::failure, "MPI", "1 rank, but SLURM_NTASKS is 16"),
                            says(Grade::warning, "leftovers", "the hosts of that job are n[5-9]")));
}

TEST(Doctor, SeesGpusThatTheBuildCannotUse) {
  std::vector<RankFacts> facts = healthy();
  facts[2].gpus = facts[3].gpus = 4;

  EXPECT_THAT(judge_devices(facts, {}),
              ::testing::ElementsAre(
                  says(Grade::warning, "device", "n2 has 4 GPUs, but this build has no CUDA")));
  EXPECT_THAT(judge_devices(facts, {.wants_cpu = true}), Each(Field(&Finding::grade, Grade::ok)));
  EXPECT_THAT(judge_devices(facts, {.has_cuda = true}), Each(Field(&Finding::grade, Grade::ok)));
}

TEST(Doctor, SeesVariablesThatNameNoGpu) {
  std::vector<RankFacts> facts = healthy();
  for (RankFacts& own : facts) own.gpus = 2;
  facts[0].variables["CUDA_VISIBLE_DEVICES"] = "1,0";
  facts[1].variables["CUDA_VISIBLE_DEVICES"] = "0,2";
  facts[2].variables["CUDA_VISIBLE_DEVICES"] = "";
  facts[3].variables["CUDA_VISIBLE_DEVICES"] = "GPU-8932f937,7";
  facts[3].gpus = 0;

  EXPECT_THAT(
      judge_devices(facts, {.has_cuda = true}),
      ::testing::ElementsAre(
          says(Grade::failure, "device",
               "rank 1: CUDA_VISIBLE_DEVICES=0,2 names GPU 2, but n1 has 2 GPUs"),
          says(Grade::warning, "device", "rank 2: CUDA_VISIBLE_DEVICES= hides every GPU of n2"),
          says(Grade::warning, "device", "names GPU 7, but n2 has 0 GPUs")));
}

TEST(Doctor, SeesHeartbeatsThatAreLost) {
  const std::vector<std::string> hosts{"n1", "n1", "n2", "n2"};

  EXPECT_THAT(judge_heartbeats(hosts, {0, 2}, {{2}, {0, 2}, {0}, {0, 2}}),
              Each(Field(&Finding::grade, Grade::ok)));
  EXPECT_THAT(
      judge_heartbeats(hosts, {0, 2}, {{}, {0}, {}, {2}}),
      ::testing::ElementsAre(
          says(Grade::warning, "UDP", "none passes between rank 0 on n1 and rank(s) 2-3 (n2"),
          says(Grade::warning, "UDP", "none passes between rank 2 on n2 and rank(s) 0-1 (n1")));
}

TEST(Doctor, SeesClocksApart) {
  std::vector<RankFacts> facts = healthy();
  facts[3].clock = 5;

  EXPECT_THAT(judge_clocks(facts, 0.1), Contains(says(Grade::warning, "clock", "n1 is behind n2")));
  EXPECT_THAT(judge_clocks(facts, 4.5), Each(Field(&Finding::grade, Grade::ok)));
}

TEST(Doctor, ReportsAsTextAndAsJson) {
  const Findings findings{{Grade::ok, "MPI", "fine", ""},
                          {Grade::warning, "clock", "late", "NTP"},
                          {Grade::failure, "network", "down", "up"}};

  EXPECT_EQ(findings_text(findings),
            "[ ok ] MPI       fine\n"
            "[warn] clock     late\n"
            "                 fix: NTP\n"
            "[FAIL] network   down\n"
            "                 fix: up\n"
            "1 failure, 1 warning (exit 4)\n");
  const auto json = nlohmann::json::parse(findings_json(findings, {{"ranks", "4"}}));
  EXPECT_EQ(json["findings"][2]["fix"], "up");
  EXPECT_EQ(json["failures"], 1);
  EXPECT_EQ(json["ranks"], "4");
}

TEST(Deadline, NamesTheStageThatHangsAndNoOther) {
  std::atomic<int> calls{0};
  std::string named;
  {
    Deadline deadline(std::chrono::milliseconds(200), [&](const std::string& stage) {
      named = stage;
      ++calls;
    });
    for (int i = 0; i < 10; ++i) {
      deadline.begin("quick");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    deadline.begin("slow");
    while (calls == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(named, "slow");
  EXPECT_EQ(calls, 1);
}

TEST(RanksOnHosts, SaysThemInRuns) {
  EXPECT_EQ(ranks_on_hosts({"n1", "n1", "n2", "n2"}), "0-1 on n1, 2-3 on n2");
  EXPECT_EQ(ranks_on_hosts({"n1", "n2", "n1"}), "0, 2 on n1, 1 on n2");
}

}  // namespace
}  // namespace bertyard
