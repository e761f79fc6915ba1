// SPDX-License-Identifier: Apache-2.0
#include "core/base/philox.h"

#include <set>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

// Known answers of Random123's kat_vectors (philox4x32 10).
TEST(Philox, MatchesPublishedKnownAnswers) {
  const PhiloxBlock zero = philox4x32({0, 0}, {{0, 0, 0, 0}});
  EXPECT_EQ(zero.word[0], 0x6627e8d5u);
  EXPECT_EQ(zero.word[1], 0xe169c58du);
  EXPECT_EQ(zero.word[2], 0xbc57ac4cu);
  EXPECT_EQ(zero.word[3], 0x9b00dbd8u);

  const PhiloxBlock pi = philox4x32({0xa4093822u, 0x299f31d0u},
                                    {{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}});
  EXPECT_EQ(pi.word[0], 0xd16cfe09u);
  EXPECT_EQ(pi.word[1], 0x94fdccebu);
  EXPECT_EQ(pi.word[2], 0x5001e420u);
  EXPECT_EQ(pi.word[3], 0x24126ea1u);
}

TEST(PhiloxSequence, PurposesUnderOneSeedDiffer) {
  PhiloxSequence masks(42, RandomPurpose::masking, 0, 7);
  PhiloxSequence order(42, RandomPurpose::sample_order, 0, 7);

  EXPECT_NE(masks.next_u64(), order.next_u64());
}

TEST(PhiloxSequence, NextBelowIsUniformWithinBinomialBounds) {
  PhiloxSequence draws(1, RandomPurpose::sample_building, 0, 0);
  int counts[3] = {};

  for (int i = 0; i < 30000; ++i) ++counts[draws.next_below(3)];

  for (const int count : counts) EXPECT_NEAR(count, 10000, 4 * 82);  // four standard deviations
}

TEST(PhiloxSequence, NextInReachesBothEnds) {
  PhiloxSequence draws(1, RandomPurpose::sample_building, 0, 1);
  std::set<std::uint32_t> seen;

  for (int i = 0; i < 200; ++i) seen.insert(draws.next_in(5, 7));

  EXPECT_EQ(seen, (std::set<std::uint32_t>{5, 6, 7}));
}

}  // namespace
}  // namespace bertyard
