// SPDX-License-Identifier: Apache-2.0
// What the hosts' GPUs are to this build: pure functions.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;

std::string gpus_text(const RankFacts& own) {
  return fmt::format("{} has {} GPU{}", own.host, own.gpus, own.gpus == 1 ? "" : "s");
}

// The first number in CUDA_VISIBLE_DEVICES that no GPU has; CUDA ignores all from there on. Ids
// such as GPU-8932f937 are not looked at.
std::optional<int> absent_device(std::string_view list, int gpus) {
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(word.size() + 1, list.size()));
    int number = 0;
    const auto [rest, error] = std::from_chars(word.begin(), word.end(), number);
    if (error != std::errc() || rest != word.end()) continue;
    if (number < 0 || number >= gpus) return number;
  }
  return std::nullopt;
}

std::optional<Finding> judge_visible(const RankFacts& own, std::size_t rank) {
  const auto found = own.variables.find("CUDA_VISIBLE_DEVICES");
  if (found == own.variables.end()) return std::nullopt;
  const std::string& list = found->second;
  const std::string who = fmt::format("rank {}: CUDA_VISIBLE_DEVICES={}", rank, list);
  const std::string fix = "unset CUDA_VISIBLE_DEVICES, or number the GPUs of the host from 0";
  if (list.empty() || list == "-1") {
    if (own.gpus == 0) return std::nullopt;
    return Finding{Grade::warning, "device", fmt::format("{} hides every GPU of {}", who, own.host),
                   fix};
  }
  const std::optional<int> absent = absent_device(list, own.gpus);
  if (!absent) return std::nullopt;
  return Finding{own.gpus > 0 ? Grade::failure : Grade::warning, "device",
                 fmt::format("{} names GPU {}, but {}", who, *absent, gpus_text(own)), fix};
}

Findings judge_build(const std::vector<RankFacts>& facts, const DeviceBuild& build) {
  Findings findings;
  std::set<std::string> hosts;
  for (const RankFacts& own : facts) {
    if (own.gpus == 0 || build.has_cuda || build.wants_cpu) continue;
    if (!hosts.insert(own.host).second) continue;
    findings.push_back(
        {Grade::warning, "device",
         fmt::format("{}, but this build has no CUDA: ranks compute on its CPUs", gpus_text(own)),
         "build with the preset cuda, or say parallel.backend: cpu"});
  }
  return findings;
}

}  // namespace

Findings judge_devices(const std::vector<RankFacts>& facts, const DeviceBuild& build) {
  Findings findings = judge_build(facts, build);
  for (std::size_t rank = 0; rank < facts.size() && build.has_cuda && !build.wants_cpu; ++rank) {
    if (const auto finding = judge_visible(facts[rank], rank)) findings.push_back(*finding);
  }
  if (!findings.empty()) return findings;
  if (!build.has_cuda) {
    return {{Grade::ok, "device", "this build has no CUDA: ranks compute on CPUs", ""}};
  }
  return {{Grade::ok, "device", fmt::format("{}; {}", build.text, gpus_text(facts[0])), ""}};
}

}  // namespace bertyard
