// SPDX-License-Identifier: Apache-2.0
// What the ranks' environment variables say: pure functions.
#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;
using Ranks = std::vector<RankFacts>;

// The variable's value, or nullptr.
const std::string* value_of(const RankFacts& own, const std::string& name) {
  const auto found = own.variables.find(name);
  return found == own.variables.end() ? nullptr : &found->second;
}

// Names of interfaces in a variable's list; addresses such as 10.0.0.0/8 and NCCL's "^eth" are not.
std::vector<std::string> interfaces_named(const std::string& value) {
  std::vector<std::string> names;
  std::size_t start = 0;
  for (std::size_t end = 0; end != std::string::npos; start = end + 1) {
    end = value.find(',', start);
    const std::string name = value.substr(start, end - start);
    const bool is_name = !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) != 0;
    if (is_name && name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

bool is_there(const RankFacts& own, const std::string& interface, bool by_prefix) {
  return std::any_of(own.interfaces.begin(), own.interfaces.end(), [&](const std::string& name) {
    return by_prefix ? name.starts_with(interface) : name == interface;
  });
}

// Variables that name a network which the host does not have, or has not up.
void judge_interfaces(const RankFacts& own, Findings& findings) {
  for (const char* variable : {"NCCL_SOCKET_IFNAME", "OMPI_MCA_btl_tcp_if_include",
                               "OMPI_MCA_oob_tcp_if_include", "UCX_NET_DEVICES"}) {
    const auto found = own.variables.find(variable);
    if (found == own.variables.end() || found->second == "all") continue;
    for (std::string name : interfaces_named(found->second)) {
      name = name.substr(0, name.find(':'));  // UCX: mlx5_0:1
      if (name.starts_with("mlx") || name.starts_with("hfi")) continue;
      if (is_there(own, name, std::string_view(variable) == "NCCL_SOCKET_IFNAME")) continue;
      findings.push_back({Grade::failure, "variables",
                          fmt::format("{}: {}={}, but {} is not there or not up", own.host,
                                      variable, found->second, name),
                          fmt::format("unset it, or one of: {}", fmt::join(own.interfaces, ", "))});
    }
  }
}

// Variables that help to find a fault and make every run slower once they are forgotten.
struct DebuggingVariable {
  const char* name;
  const char* value;  // with which it does so
  const char* what;
};
constexpr DebuggingVariable kDebugging[] = {
    {"CUDA_LAUNCH_BLOCKING", "1", "the host waits for every kernel"},
    {"NCCL_P2P_DISABLE", "1", "GPUs of a host do not reach each other directly"},
    {"NCCL_SHM_DISABLE", "1", "GPUs of a host do not share its memory"},
    {"NCCL_IB_DISABLE", "1", "InfiniBand is not used"},
    {"NCCL_DEBUG", "TRACE", "every call is written down"},
};

void judge_debugging(const RankFacts& own, Findings& findings) {
  for (const DebuggingVariable& variable : kDebugging) {
    const std::string* value = value_of(own, variable.name);
    if (value == nullptr || *value != variable.value) continue;
    findings.push_back(
        {Grade::warning, "variables",
         fmt::format("{}: {}={}: {}", own.host, variable.name, variable.value, variable.what),
         fmt::format("unset {}, if it was for debugging", variable.name)});
  }
}

void judge_differences(const Ranks& facts, const std::set<std::string>& names, Findings& findings) {
  for (const std::string& name : names) {
    if (name == "CUDA_VISIBLE_DEVICES") continue;  // SLURM gives each rank its own
    std::set<std::string> values;
    for (const RankFacts& own : facts) {
      const std::string* value = value_of(own, name);
      values.insert(value == nullptr ? "(unset)" : *value);
    }
    if (values.size() == 1) continue;
    findings.push_back({Grade::warning, "variables",
                        fmt::format("{} differs between ranks: {} values", name, values.size()),
                        fmt::format("mpirun -x {}, or set it in launch.setup", name)});
  }
}

// It says nothing to this program, but the user believes that it does.
void judge_threads_variable(const Ranks& facts, Findings& findings) {
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    const RankFacts& own = facts[rank];
    const std::string* value = value_of(own, "OMP_NUM_THREADS");
    if (value == nullptr || *value == std::to_string(own.threads)) continue;
    findings.push_back(
        {Grade::warning, "variables",
         fmt::format("rank {} on {}: OMP_NUM_THREADS is {}, but it makes {} thread{} on cores {}: "
                     "parallel.threads decides",
                     rank, own.host, *value, own.threads, own.threads == 1 ? "" : "s", own.cores),
         "unset it, or say parallel.threads"});
    return;
  }
}

}  // namespace

Findings judge_variables(const Ranks& facts) {
  Findings findings;
  std::set<std::string> names, hosts;
  for (const RankFacts& rank : facts) {
    for (const auto& [name, value] : rank.variables) names.insert(name);
    if (!hosts.insert(rank.host).second) continue;
    judge_interfaces(rank, findings);
    judge_debugging(rank, findings);
  }
  judge_differences(facts, names, findings);
  judge_threads_variable(facts, findings);
  const std::string list = names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
  findings.push_back({Grade::ok, "variables", "that change libraries: " + list, ""});
  return findings;
}

}  // namespace bertyard
