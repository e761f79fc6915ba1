// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "launch/run/environment.h"
#include "launch/run/launcher.h"

namespace bertyard {

// What `bertyard doctor` found about one thing, and how to mend it.
struct Finding {
  enum class Grade { ok, warning, failure };
  Grade grade = Grade::ok;
  std::string topic;  // "MPI", "binding", "network"
  std::string text;
  std::string fix;  // empty where all is well
};
using Findings = std::vector<Finding>;

// What a rank knows of itself and its host. Ranks send it to rank 0 as text.
struct RankFacts {
  std::string host;
  std::int64_t pid = 0;
  std::string program;        // hash of the program's file
  std::string configuration;  // hash of the resolved configuration; empty without one
  std::string mpi;            // the library's version
  std::string cores;          // that the rank may run on: "0-3"
  int allowed_cores = 1;
  int online_cores = 1;
  int threads = 1;                // that the rank would make
  int gpus = 0;                   // device files that the rank sees
  std::int64_t locked_bytes = 0;  // ulimit -l; -1: unlimited
  std::int64_t open_files = 0;    // ulimit -n
  std::int64_t shared_free = 0;   // bytes of /dev/shm
  bool has_infiniband = false;
  std::map<std::string, std::string> variables;  // that change what libraries do
  std::map<std::string, std::string> job;        // SLURM_JOB_*: of the allocation, if any
  std::vector<std::string> interfaces;           // of the network, those that are up
  double clock = 0;                              // seconds since 1970, just after a barrier
};
std::string facts_text(const RankFacts& facts);
RankFacts parse_facts(const std::string& text);

// `wanted_threads`: parallel.threads, 0 for the program's choice. Neither the clock nor the hash of
// a configuration is set.
RankFacts own_facts(int wanted_threads, int ranks_on_host);

// What the facts of all ranks, by rank, say. Pure.
Findings judge_ranks(const std::vector<RankFacts>& facts, const Launcher& launcher);
Findings judge_hosts(const std::vector<RankFacts>& facts);
Findings judge_variables(const std::vector<RankFacts>& facts);
Findings judge_clocks(const std::vector<RankFacts>& facts, double barrier_seconds);
// What an allocation that is over, or another's, has left behind.
Findings judge_leftovers(const std::vector<RankFacts>& facts);
// "n[08-12],m3", as SLURM writes hosts; `host` may have a domain behind it.
bool is_host_of(const std::string& list, const std::string& host);

struct DeviceBuild {
  bool has_cuda = false;
  bool wants_cpu = false;  // parallel.backend: cpu
  std::string text = {};   // "CUDA 13.0, NCCL 2.28"
};
Findings judge_devices(const std::vector<RankFacts>& facts, const DeviceBuild& build);

// Before MPI is asked: empty, or why a start would fail or wait for a launcher that is gone.
Findings judge_start(const EnvironmentLookup& lookup, const RankFacts& own);

// Every rank calls these. Rename, locks, free space and rate of writing in a directory that all
// hosts share; the findings are rank 0's.
struct StorageTest {
  std::filesystem::path directory;
  double needed_bytes = 0;  // by the run's checkpoints; 0: not known
};
Findings test_storage(const StorageTest& test, ProcessGroup& group);
// Time of a small all-reduce and rate of a large one.
Findings test_network(ProcessGroup& group);
// Whether datagrams pass between the ranks as the watchdog's do, there and back; where some do not
// it takes five seconds, or `limit`.
Findings test_heartbeats(ProcessGroup& group, std::chrono::duration<double> limit);
// `answers`: by rank, those of the `judges` that answered it. Pure.
Findings judge_heartbeats(const std::vector<std::string>& hosts, const std::vector<int>& judges,
                          const std::vector<std::vector<int>>& answers);

std::string findings_text(const Findings& findings);
// `about`: version, ranks and hosts, as they stand before the findings.
std::string findings_json(const Findings& findings,
                          const std::map<std::string, std::string>& about);
int count_of(const Findings& findings, Finding::Grade grade);

}  // namespace bertyard
