// SPDX-License-Identifier: Apache-2.0
// What the facts of the ranks say: pure functions.
#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "launch/doctor/doctor.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;
using Ranks = std::vector<RankFacts>;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

// "rank 3 on n2"
std::string name_of(const Ranks& facts, std::size_t rank) {
  return fmt::format("rank {} on {}", rank, facts[rank].host);
}

std::map<std::string, std::vector<int>> ranks_by(
    const Ranks& facts, const std::function<std::string(const RankFacts&)>& value) {
  std::map<std::string, std::vector<int>> ranks;
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    ranks[value(facts[rank])].push_back(static_cast<int>(rank));
  }
  return ranks;
}

// Fails when the ranks have several values of one thing.
Finding same_everywhere(const Ranks& facts, const std::string& topic, const std::string& what,
                        const std::function<std::string(const RankFacts&)>& value,
                        const std::string& fix) {
  const auto ranks = ranks_by(facts, value);
  if (ranks.size() == 1) {
    return {Grade::ok, topic, fmt::format("{} on every rank: {}", what, ranks.begin()->first), ""};
  }
  std::vector<std::string> parts;
  for (const auto& [text, list] : ranks) {
    parts.push_back(fmt::format("{} on {}", text.empty() ? "none" : text, rank_list(list)));
  }
  return {Grade::failure, topic,
          fmt::format("{} differs between ranks: {}", what, fmt::join(parts, "; ")), fix};
}

// The first line of the library's text, which has a page of it.
std::string short_mpi(const RankFacts& facts) {
  return facts.mpi.substr(0, std::min(facts.mpi.find('\n'), facts.mpi.find(", package")));
}

Finding judge_counts(const Ranks& facts, const Launcher& launcher) {
  std::map<std::string, int> hosts;
  for (const RankFacts& rank : facts) ++hosts[rank.host];
  std::set<int> counts;
  for (const auto& [host, count] : hosts) counts.insert(count);
  const auto size = static_cast<int>(facts.size());
  std::string text = fmt::format("{} rank{} on {} host{}", size, size == 1 ? "" : "s", hosts.size(),
                                 hosts.size() == 1 ? "" : "s");
  if (launcher.slurm_tasks > 0 && launcher.slurm_tasks != size) {
    return {Grade::warning, "MPI",
            fmt::format("{}, but SLURM_NTASKS is {}", text, launcher.slurm_tasks),
            fmt::format("srun --mpi=pmix, or mpirun -n {}", launcher.slurm_tasks)};
  }
  if (counts.size() > 1) {
    std::vector<std::string> parts;
    for (const auto& [host, count] : hosts) parts.push_back(fmt::format("{} {}", host, count));
    return {Grade::warning, "MPI", fmt::format("{}: {}", text, fmt::join(parts, ", ")),
            "the same number on every host: --ntasks-per-node, or slots in the host file"};
  }
  if (hosts.size() > 1) text += fmt::format(", {} each", *counts.begin());
  return {Grade::ok, "MPI", text + ", one world", ""};
}

Finding judge_binding(const Ranks& facts) {
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    const RankFacts& own = facts[rank];
    if (own.online_cores == 1 || own.allowed_cores >= own.threads + 1 ||
        own.allowed_cores == own.online_cores) {
      continue;
    }
    if (own.allowed_cores > 1 && own.allowed_cores >= own.threads) continue;
    return {Grade::warning, "binding",
            fmt::format("{} may run on core{} {} alone, for {} thread{} and the one that "
                        "communicates",
                        name_of(facts, rank), own.allowed_cores == 1 ? "" : "s", own.cores,
                        own.threads, own.threads == 1 ? "" : "s"),
            "mpirun --bind-to none, or srun --cpus-per-task with all cores of a rank"};
  }
  return {Grade::ok, "binding",
          fmt::format("rank 0 may run on cores {} and makes {} thread{}", facts[0].cores,
                      facts[0].threads, facts[0].threads == 1 ? "" : "s"),
          ""};
}

Finding judge_threads(const Ranks& facts) {
  std::map<std::string, int> threads;
  for (const RankFacts& rank : facts) threads[rank.host] += rank.threads;
  for (const RankFacts& rank : facts) {
    const int wanted = threads[rank.host];
    if (wanted <= rank.online_cores) continue;
    return {Grade::warning, "threads",
            fmt::format("{}: the ranks make {} threads on {} cores", rank.host, wanted,
                        rank.online_cores),
            "fewer ranks, or a smaller parallel.threads; and OMPI_MCA_mpi_yield_when_idle=1"};
  }
  return {Grade::ok, "threads", "no host has more threads than cores", ""};
}

Finding judge_locked(const RankFacts& own) {
  if (own.has_infiniband && own.locked_bytes >= 0) {
    return {Grade::warning, "limits",
            fmt::format("{}: InfiniBand, but at most {} MiB may be locked (ulimit -l)", own.host,
                        own.locked_bytes / kMiB),
            "ulimit -l unlimited; in SLURM PropagateResourceLimitsExcept=MEMLOCK"};
  }
  return {};
}

Finding judge_files(const RankFacts& own) {
  constexpr std::int64_t kFew = 1024;
  if (own.open_files < 0 || own.open_files >= kFew) return {};
  return {Grade::warning, "limits",
          fmt::format("{}: at most {} open files (ulimit -n)", own.host, own.open_files),
          "ulimit -n 4096: every shard is an open file"};
}

Finding judge_shared(const RankFacts& own, int local_size) {
  const std::int64_t wanted = 64 * kMiB * local_size;
  if (local_size == 1 || own.shared_free >= wanted) return {};
  return {own.shared_free < 16 * kMiB ? Grade::failure : Grade::warning, "limits",
          fmt::format("{}: {} MiB are free in /dev/shm, {} ranks add through it and want {} MiB",
                      own.host, own.shared_free / kMiB, local_size, wanted / kMiB),
          "a larger /dev/shm: mount -o remount,size=8G /dev/shm; in containers --shm-size"};
}

}  // namespace

Findings judge_ranks(const Ranks& facts, const Launcher& launcher) {
  Findings findings{judge_counts(facts, launcher)};
  findings.push_back(same_everywhere(facts, "MPI", "library", short_mpi,
                                     "one MPI on all hosts: the same module or package"));
  findings.push_back(same_everywhere(
      facts, "program", "hash of the program", [](const RankFacts& own) { return own.program; },
      "start every rank from one installation on a shared directory"));
  if (!facts[0].configuration.empty()) {
    findings.push_back(same_everywhere(
        facts, "config", "hash of the configuration",
        [](const RankFacts& own) { return own.configuration; },
        "give every rank the same file and the same command line"));
  }
  findings.push_back(judge_binding(facts));
  findings.push_back(judge_threads(facts));
  return findings;
}

Findings judge_hosts(const Ranks& facts) {
  Findings findings;
  std::map<std::string, int> local;
  for (const RankFacts& rank : facts) ++local[rank.host];
  std::set<std::string> seen;
  for (const RankFacts& rank : facts) {
    if (!seen.insert(rank.host).second) continue;
    for (const Finding& found :
         {judge_locked(rank), judge_files(rank), judge_shared(rank, local[rank.host])}) {
      if (found.grade != Grade::ok) findings.push_back(found);
    }
  }
  if (!findings.empty()) return findings;
  return {{Grade::ok, "limits",
           fmt::format("{} open files, {} MiB free in /dev/shm", facts[0].open_files,
                       facts[0].shared_free / kMiB),
           ""}};
}

Findings judge_clocks(const Ranks& facts, double barrier_seconds) {
  const auto by_clock = [](const RankFacts& a, const RankFacts& b) { return a.clock < b.clock; };
  const auto [first, last] = std::minmax_element(facts.begin(), facts.end(), by_clock);
  const double skew = last->clock - first->clock;
  const std::string text = fmt::format("the clocks differ by {:.3f} s at most", skew);
  if (skew - barrier_seconds < 1) return {{Grade::ok, "clock", text, ""}};
  return {{Grade::warning, "clock",
           fmt::format("{}: {} is behind {}", text, first->host, last->host),
           "NTP on every host: times in logs and of files cannot be compared"}};
}

}  // namespace bertyard
