// SPDX-License-Identifier: Apache-2.0
#include "train/straggler.h"

#include <gtest/gtest.h>

namespace bertyard {
namespace {

PhaseSeconds seconds(double data, double forward, double backward, double reduce) {
  PhaseSeconds times{};
  times[static_cast<std::size_t>(RankPhase::data)] = data;
  times[static_cast<std::size_t>(RankPhase::forward)] = forward;
  times[static_cast<std::size_t>(RankPhase::backward)] = backward;
  times[static_cast<std::size_t>(RankPhase::reduce)] = reduce;
  return times;
}

TEST(Straggler, IsNamedWithThePhaseInWhichItLosesMost) {
  const std::vector<Straggler> found =
      find_stragglers({seconds(1, 10, 20, 16), seconds(1, 10, 21, 15), seconds(1, 14, 32, 0)}, 1.3);

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rank, 2);
  EXPECT_DOUBLE_EQ(found[0].ratio, 47.0 / 31.0);  // the lower of 31 and 32
  EXPECT_EQ(found[0].phase, RankPhase::backward);
  EXPECT_EQ(found[0].seconds, 32);
  EXPECT_EQ(found[0].median_seconds, 20);
}

TEST(Straggler, OfTwoIsToldByTheOther) {
  const auto found = find_stragglers({seconds(10, 10, 20, 0), seconds(1, 10, 20, 9)}, 1.25);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rank, 0);
  EXPECT_EQ(found[0].phase, RankPhase::data);
}

TEST(Straggler, WaitingForOthersIsNoWork) {
  EXPECT_TRUE(find_stragglers({seconds(1, 10, 20, 90), seconds(1, 10, 20, 0)}, 1.3).empty());
  EXPECT_TRUE(find_stragglers({seconds(1, 10, 20, 90)}, 1.3).empty()) << "alone";
}

}  // namespace
}  // namespace bertyard
