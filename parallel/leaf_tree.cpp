// SPDX-License-Identifier: Apache-2.0
#include "parallel/leaf_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

LeafRange leaves_of_rank(int rank, int ranks, int leaves) {
  if (leaves < ranks) {
    throw UsageError(
        fmt::format("parallel.leaves {} is fewer than {} ranks; ordered reduction needs leaves >= "
                    "ranks; use {}",
                    leaves, ranks, ranks));
  }
  const auto start = [&](int r) { return static_cast<int>(std::int64_t{leaves} * r / ranks); };
  return {start(rank), start(rank + 1)};
}

bool are_siblings(const LeafRange& left, const LeafRange& right, int leaves) {
  if (left.end != right.first) return false;
  const int half = left.count();
  const bool power = half > 0 && (half & (half - 1)) == 0;
  return power && left.first % (2 * half) == 0 &&
         right.end == std::min(left.first + 2 * half, leaves);
}

std::vector<LeafRange> maximal_subtrees(const LeafRange& range, int leaves) {
  std::vector<LeafRange> nodes;
  for (int leaf = range.first; leaf < range.end; ++leaf) {
    nodes.push_back({leaf, leaf + 1});
    while (nodes.size() > 1 && are_siblings(nodes[nodes.size() - 2], nodes.back(), leaves)) {
      nodes[nodes.size() - 2].end = nodes.back().end;
      nodes.pop_back();
    }
  }
  return nodes;
}

}  // namespace bertyard
