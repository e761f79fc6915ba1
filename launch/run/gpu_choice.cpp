// SPDX-License-Identifier: Apache-2.0
#include "launch/run/gpu_choice.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/backend/built_with.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

using Ids = std::vector<std::string>;

constexpr const char* kAdvice =
    "start one rank for each GPU, or set parallel.comm to host so that ranks share them";

// Among the GPUs that `rank` sees; may be beyond them.
std::size_t number_of(const std::vector<Ids>& seen, std::size_t rank, GpuSharing sharing) {
  const auto end = seen.begin() + static_cast<std::ptrdiff_t>(rank);
  const auto place = static_cast<std::size_t>(std::count(seen.begin(), end, seen[rank]));
  return sharing == GpuSharing::yes ? place % seen[rank].size() : place;
}

Ids words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

GpuSharing sharing_of(const RunConfig& config) {
  const char* nccl = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  const bool allowed = nccl != nullptr && std::string_view(nccl) == "1";
  return config.parallel.comm == CommChoice::host || allowed ? GpuSharing::yes : GpuSharing::no;
}

}  // namespace

int gpu_of_rank(const std::vector<Ids>& seen, int local_rank, GpuSharing sharing) {
  const auto own = static_cast<std::size_t>(local_rank);
  if (seen[own].empty()) return 0;
  const std::size_t number = number_of(seen, own, sharing);
  if (number >= seen[own].size()) {
    throw EnvironmentError(
        fmt::format("rank {} of this node wants GPU {}, and the node has {} (numbered from 0); {}",
                    local_rank, number, seen[own].size(), kAdvice));
  }
  for (std::size_t other = 0; other < seen.size() && sharing == GpuSharing::no; ++other) {
    const std::size_t its = number_of(seen, other, sharing);
    const bool same = its < seen[other].size() && seen[other][its] == seen[own][number];
    if (other == own || !same) continue;
    throw EnvironmentError(
        fmt::format("ranks {} and {} of this node have both been given the GPU {}; {}",
                    std::min(own, other), std::max(own, other), seen[own][number], kAdvice));
  }
  return static_cast<int>(number);
}

int choose_gpu(const RunConfig& config, const ProcessGroup& group) {
  if (config.parallel.backend == BackendChoice::cpu || config.distill.taught()) return 0;
  const std::string own = fmt::format("{}", fmt::join(cuda_device_ids(), " "));
  const std::vector<std::string> all = group.control->all_gather_strings("GPUs of the ranks", own);
  const auto me = static_cast<std::size_t>(group.rank());
  std::vector<Ids> seen;
  int place = 0;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (group.hosts[rank] != group.hosts[me]) continue;
    if (rank < me) ++place;
    seen.push_back(words_of(all[rank]));
  }
  return gpu_of_rank(seen, place, sharing_of(config));
}

}  // namespace bertyard
