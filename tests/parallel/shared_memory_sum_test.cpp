// SPDX-License-Identifier: Apache-2.0
#include "parallel/shared_memory_sum.h"

#include <barrier>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

// Ranks as threads, segments as plain memory.
void run_ranks(int size, const std::function<void(int, SharedMemorySum&)>& body) {
  const std::size_t bytes = SharedMemorySum::segment_bytes(size);
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(4096, bytes * static_cast<std::size_t>(size))),
      &std::free);
  std::vector<std::byte*> segments;
  for (int rank = 0; rank < size; ++rank) {
    segments.push_back(memory.get() + static_cast<std::size_t>(rank) * bytes);
  }
  std::barrier all_made(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      SharedMemorySum sum(rank, segments);
      all_made.arrive_and_wait();
      body(rank, sum);
      all_made.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

template <typename T>
T value(int rank, std::size_t i) {
  return static_cast<T>(1) / static_cast<T>(1 + rank * 7 + static_cast<int>(i % 1000)) +
         static_cast<T>(i);
}

template <typename T>
void expect_rank_ordered(int size, const std::vector<std::size_t>& lengths) {
  run_ranks(size, [&](int rank, SharedMemorySum& sum) {
    for (const std::size_t length : lengths) {
      std::vector<T> mine(length);
      std::vector<T> expected(length);
      for (std::size_t i = 0; i < length; ++i) {
        mine[i] = value<T>(rank, i);
        expected[i] = value<T>(0, i);
        for (int other = 1; other < size; ++other) expected[i] += value<T>(other, i);
      }
      sum.all_reduce(view_of(std::span<T>(mine)));
      EXPECT_EQ(mine, expected) << "rank " << rank << ", length " << length;
    }
  });
}

// Shorter and longer than the chunk, the chunk itself, and many chunks in a row.
TEST(SharedMemorySum, AddsInTheOrderOfTheRanks) {
  const std::vector<std::size_t> lengths{1, 63, 1000, 131072, 131073, 700001, 5, 131071};
  for (const int size : {1, 2, 3, 4}) expect_rank_ordered<float>(size, lengths);
}

TEST(SharedMemorySum, AddsOtherTypes) {
  expect_rank_ordered<double>(2, {7, 70001});
  expect_rank_ordered<std::int32_t>(3, {7, 70001});
  expect_rank_ordered<std::uint64_t>(2, {7, 70001});
}

// Parts of unequal size, some empty, shorter and longer than a chunk.
TEST(SharedMemorySum, SumsAndGathersParts) {
  for (const auto& [size, cuts] :
       std::vector<std::pair<int, std::vector<std::int64_t>>>{{1, {0, 70001}},
                                                              {2, {0, 1, 300001}},
                                                              {3, {0, 0, 200000, 700001}},
                                                              {4, {0, 64, 64, 64, 65}}}) {
    run_ranks(size, [&, size = size, cuts = cuts](int rank, SharedMemorySum& sum) {
      const auto length = static_cast<std::size_t>(cuts.back());
      std::vector<float> mine(length), whole(length);
      for (std::size_t i = 0; i < length; ++i) whole[i] = mine[i] = value<float>(rank, i);
      sum.all_reduce(view_of(std::span(whole)));
      for (int round = 0; round < 2; ++round) {
        std::vector<float> parts = mine;
        sum.reduce_parts(view_of(std::span(parts)), cuts);
        const auto at = static_cast<std::size_t>(rank);
        EXPECT_TRUE(std::equal(parts.begin() + cuts[at], parts.begin() + cuts[at + 1],
                               whole.begin() + cuts[at]));
        sum.all_gather_parts(view_of(std::span(parts)), cuts);
        EXPECT_EQ(parts, whole) << size << " ranks, rank " << rank;
      }
    });
  }
}

TEST(SharedMemorySum, ManyShortSumsDoNotOvertakeEachOther) {
  run_ranks(4, [](int rank, SharedMemorySum& sum) {
    for (int round = 0; round < 300; ++round) {
      std::vector<std::int64_t> values(10, rank + round);
      sum.all_reduce(view_of(std::span<std::int64_t>(values)));
      ASSERT_EQ(values, std::vector<std::int64_t>(10, 6 + 4 * round));
    }
  });
}

TEST(SharedMemorySum, RefusesDifferentCallsOnEveryRank) {
  run_ranks(3, [](int rank, SharedMemorySum& sum) {
    std::vector<float> values(rank == 2 ? 4 : 5, 1.0f);
    EXPECT_THAT([&] { sum.all_reduce(view_of(std::span<float>(values))); },
                ::testing::ThrowsMessage<Error>(
                    HasSubstr("rank 0 sums 5 elements of f32, but rank 2 sums 4 of f32")));
    EXPECT_EQ(values[0], 1.0f);
  });
}

TEST(SharedMemorySum, TheWindowStaysSmallWithManyRanks) {
  EXPECT_LE(SharedMemorySum::segment_bytes(64) * 64, std::size_t{32} << 20);
}

}  // namespace
}  // namespace bertyard
