// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "launch/environment.h"
#include "launch/launcher.h"

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
  int gpus = 0;                   // device files of the host
  std::int64_t locked_bytes = 0;  // ulimit -l; -1: unlimited
  std::int64_t open_files = 0;    // ulimit -n
  std::int64_t shared_free = 0;   // bytes of /dev/shm
  bool has_infiniband = false;
  std::map<std::string, std::string> variables;  // that change what libraries do
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

// Every rank calls these. Rename, locks, free space and rate of writing in a directory that all
// hosts share; the findings are rank 0's.
struct StorageTest {
  std::filesystem::path directory;
  double needed_bytes = 0;  // by the run's checkpoints; 0: not known
};
Findings test_storage(const StorageTest& test, ProcessGroup& group);
// Time of a small all-reduce and rate of a large one.
Findings test_network(ProcessGroup& group);

std::string findings_text(const Findings& findings);
// `about`: version, ranks and hosts, as they stand before the findings.
std::string findings_json(const Findings& findings,
                          const std::map<std::string, std::string>& about);
int count_of(const Findings& findings, Finding::Grade grade);

}  // namespace bertyard
