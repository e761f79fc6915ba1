// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace bertyard {

// The leaves [first, end) of a step: its micro-batches are cut into `leaves` contiguous groups,
// each summed left to right, and the sums are added along a fixed binary tree over the leaf index
// (design, 4.4). A node of that tree covers [i 2^k, (i + 1) 2^k), cut off at the number of leaves;
// a node whose right half is empty is its left half.
struct LeafRange {
  int first = 0;
  int end = 0;
  int count() const { return end - first; }
  bool operator==(const LeafRange&) const = default;
};

// Whole leaves for every rank, counts differing by one at most. Throws UsageError where there are
// fewer leaves than ranks.
LeafRange leaves_of_rank(int rank, int ranks, int leaves);

// Whether left and right are the two halves of one node.
bool are_siblings(const LeafRange& left, const LeafRange& right, int leaves);

// The largest nodes that make up `range`, ascending: what its owner can add up alone.
std::vector<LeafRange> maximal_subtrees(const LeafRange& range, int leaves);

}  // namespace bertyard
