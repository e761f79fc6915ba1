// SPDX-License-Identifier: Apache-2.0
#include "parallel/rank_ordered_sum.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

TEST(RankOrderedSum, AddsLeftToRight) {
  // (1e8 - 1e8) + 1 is 1; any order that adds 1 to 1e8 first loses it in float.
  const std::vector<float> a{1e8f}, b{-1e8f}, c{1.0f};
  const std::vector<const void*> sources{a.data(), b.data(), c.data()};
  std::vector<float> sum(1);

  rank_ordered_sum(sum.data(), sources, DType::f32, 1);

  EXPECT_EQ(sum[0], 1.0f);
}

TEST(RankOrderedSum, AddsIntoOneOfTheSourcesAndWrapsAround) {
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> a(3000, kGreatest), b(3000, 1);
  const std::vector<const void*> sources{a.data(), b.data()};

  rank_ordered_sum(b.data(), sources, DType::i64, 3000);

  EXPECT_EQ(b, std::vector<std::int64_t>(3000, std::numeric_limits<std::int64_t>::min()));
}

TEST(RankOrderedSum, AddsBFloatsInFloatAndRoundsOnce) {
  // 256 + 1 + 1 in bf16, 8 bits: each 1 alone is lost, both together are not.
  const std::vector<BFloat16> a{{0x4380}}, b{{0x3F80}}, c{{0x3F80}};
  const std::vector<const void*> sources{a.data(), b.data(), c.data()};
  std::vector<BFloat16> sum(1);

  rank_ordered_sum(sum.data(), sources, DType::bf16, 1);

  EXPECT_EQ(sum[0].bits, 0x4381);  // 258
}

TEST(RankOrderedSum, RefusesOtherTypes) {
  const std::vector<const void*> sources{nullptr};

  EXPECT_THROW(rank_ordered_sum(nullptr, sources, DType::f16, 0), Error);
  EXPECT_THROW(rank_ordered_sum(nullptr, {}, DType::f32, 0), Error);
}

}  // namespace
}  // namespace bertyard
