// SPDX-License-Identifier: Apache-2.0
#include "parallel/ordered_reduction.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "parallel/leaf_tree.h"
#include "parallel/single_communicator.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Values whose sum depends on the order of additions.
std::vector<float> leaf_values(int leaf, std::size_t elements) {
  PhiloxSequence draws(7, RandomPurpose::initialization, static_cast<std::uint64_t>(leaf), 0);
  std::vector<float> values(elements);
  for (float& value : values) {
    value = static_cast<float>(std::ldexp(draws.next_unit() - 0.5, static_cast<int>(leaf % 7)));
  }
  return values;
}

// The definition, written down anew: a leaf alone is its own sum; else the sums of the two halves
// are added, the left half having as many leaves as the next lower power of two.
std::vector<float> tree_sum(int first, int end, std::size_t elements) {
  if (end - first == 1) return leaf_values(first, elements);
  int half = 1;
  while (2 * half < end - first) half *= 2;
  std::vector<float> left = tree_sum(first, first + half, elements);
  const std::vector<float> right = tree_sum(first + half, end, elements);
  for (std::size_t i = 0; i < elements; ++i) left[i] += right[i];
  return left;
}

// A step on one rank.
std::vector<float> reduce(Communicator& communicator, std::size_t elements,
                          const OrderedReduction::Options& options, int steps = 1) {
  const auto device = make_cpu_device({.threads = 1});
  std::vector<float> gradients(elements);
  OrderedReduction reduction(*device, communicator, view_of(std::span<float>(gradients)), options);
  for (int step = 0; step < steps; ++step) {
    const LeafRange own = reduction.own_leaves();
    for (int leaf = own.first; leaf < own.end; ++leaf) {
      std::ranges::copy(leaf_values(leaf, elements), gradients.begin());
      reduction.leaf_done();
    }
    reduction.finish();
  }
  return gradients;
}

TEST(LeafTree, RanksOwnWholeLeavesOfEqualCount) {
  for (const int leaves : {1, 8, 12, 13}) {
    for (int ranks = 1; ranks <= leaves; ++ranks) {
      int next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const LeafRange own = leaves_of_rank(rank, ranks, leaves);
        EXPECT_EQ(own.first, next);
        EXPECT_GE(own.count(), leaves / ranks);
        EXPECT_LE(own.count(), (leaves + ranks - 1) / ranks);
        next = own.end;
      }
      EXPECT_EQ(next, leaves);
    }
  }
}

TEST(LeafTree, MaximalSubtreesAreTheLargestNodes) {
  using Ranges = std::vector<LeafRange>;
  EXPECT_EQ(maximal_subtrees({0, 8}, 8), (Ranges{{0, 8}}));
  EXPECT_EQ(maximal_subtrees({0, 12}, 12), (Ranges{{0, 12}}));
  EXPECT_EQ(maximal_subtrees({6, 12}, 12), (Ranges{{6, 8}, {8, 12}}));
  EXPECT_EQ(maximal_subtrees({3, 7}, 8), (Ranges{{3, 4}, {4, 6}, {6, 7}}));
  EXPECT_EQ(maximal_subtrees({8, 9}, 9), (Ranges{{8, 9}}));
}

TEST(LeafTree, FewerLeavesThanRanksAreRefused) {
  EXPECT_THAT([] { (void)leaves_of_rank(0, 8, 6); },
              ThrowsMessage<UsageError>(
                  HasSubstr("parallel.leaves 6 is fewer than 8 ranks; ordered reduction needs "
                            "leaves >= ranks; use 8")));
}

TEST(OrderedReduction, OneRankAddsAlongTheTree) {
  SingleCommunicator communicator;
  for (int leaves = 1; leaves <= 17; ++leaves) {
    EXPECT_EQ(reduce(communicator, 33, {.leaves = leaves}), tree_sum(0, leaves, 33)) << leaves;
  }
}

TEST(OrderedReduction, EveryNumberOfRanksGivesTheSameBits) {
  constexpr std::size_t kElements = 1001;  // no multiple of ranks or blocks
  for (const int leaves : {5, 8, 12}) {
    const std::vector<float> expected = tree_sum(0, leaves, kElements);
    for (const int ranks : {2, 3, 4, 5}) {
      for (const std::int64_t block : {64, 1200, 1 << 20}) {
        ThreadGroup group(ranks);
        group.run([&](Communicator& communicator, ControlPlane&) {
          const auto found =
              reduce(communicator, kElements, {.leaves = leaves, .block_bytes = block}, 2);
          EXPECT_EQ(found, expected) << leaves << " leaves, " << ranks << " ranks, " << block;
        });
      }
    }
  }
}

TEST(OrderedReduction, TreeSumsDifferFromSerialOnes) {
  // Otherwise the tests above could not fail.
  std::vector<float> serial = leaf_values(0, 1001);
  for (int leaf = 1; leaf < 8; ++leaf) {
    const std::vector<float> more = leaf_values(leaf, 1001);
    for (std::size_t i = 0; i < serial.size(); ++i) serial[i] += more[i];
  }
  EXPECT_NE(serial, tree_sum(0, 8, 1001));
}

TEST(OrderedReduction, MemoryIsKnownBefore) {
  // One rank with 8 leaves: 4 + 2 + 1 leaves wait before the last one. Ranks with a leaf each: none
  // waits, a block is sent, received and gathered.
  EXPECT_EQ(OrderedReduction::bytes(1024, 0, 1, {.leaves = 8}), 3u * 1024 * 4);
  EXPECT_EQ(OrderedReduction::bytes(1024, 0, 8, {.leaves = 8, .block_bytes = 1 << 20}),
            3u * 1024 * 4);
}

TEST(OrderedReduction, MissingLeavesAreNoticed) {
  SingleCommunicator communicator;
  const auto device = make_cpu_device({.threads = 1});
  std::vector<float> gradients(4);
  OrderedReduction reduction(*device, communicator, view_of(std::span<float>(gradients)), {});
  reduction.leaf_done();

  EXPECT_THAT([&] { reduction.finish(); },
              ThrowsMessage<Error>(HasSubstr("1 of this rank's 8 leaves were computed")));
}

}  // namespace
}  // namespace bertyard
