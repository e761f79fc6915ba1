// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_axis.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::Pointwise;

TEST(AxisTicksTest, AreMultiplesOfRoundNumbers) {
  EXPECT_THAT(axis_ticks({0, 10}, 6).values, ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(axis_ticks({2.3, 7.9}, 6).values, ElementsAre(3, 4, 5, 6, 7));
  EXPECT_THAT(axis_ticks({0, 1000000}, 5).values, ElementsAre(0, 250000, 500000, 750000, 1000000));
  EXPECT_THAT(axis_ticks({-1, 1}, 3).values, ElementsAre(-1, 0, 1));
}

TEST(AxisTicksTest, DoNotDriftInSmallRanges) {
  const AxisTicks ticks = axis_ticks({0, 1e-4}, 5);

  const std::vector<double> expected = {0, 2.5e-5, 5e-5, 7.5e-5, 1e-4};
  EXPECT_THAT(ticks.values, Pointwise(DoubleEq(), expected));
}

TEST(AxisTicksTest, StayInsideTheRangeAndBelowTheMost) {
  for (int most = 1; most <= 12; ++most) {
    for (double high = 1e-6; high < 1e9; high *= 1.7) {
      const AxisRange range{0.37 * high, high};
      const AxisTicks ticks = axis_ticks(range, most);

      ASSERT_LE(ticks.values.size(), static_cast<std::size_t>(most)) << high;
      ASSERT_TRUE(most < 3 || !ticks.values.empty()) << most << " " << high;
      for (const double value : ticks.values) {
        ASSERT_GE(value, range.low - 1e-8 * high);
        ASSERT_LE(value, range.high + 1e-8 * high);
      }
    }
  }
}

TEST(AxisTicksTest, CountsHaveWholeTicks) {
  EXPECT_THAT(axis_ticks({0, 20}, 9, ValueUnit::count).values, ElementsAre(0, 5, 10, 15, 20));
  EXPECT_THAT(axis_ticks({0, 2}, 9, ValueUnit::count).values, ElementsAre(0, 1, 2));
}

TEST(AxisTicksTest, ARangeWithoutExtentHasOne) {
  EXPECT_THAT(axis_ticks({3, 3}, 5).values, ElementsAre(3));
}

TEST(TickTextTest, HasTheDigitsThatTheSpacingNeeds) {
  EXPECT_EQ(tick_text(6, 1, ValueUnit::plain), "6");
  EXPECT_EQ(tick_text(6, 0.5, ValueUnit::plain), "6.0");
  EXPECT_EQ(tick_text(6.25, 0.25, ValueUnit::plain), "6.25");
  EXPECT_EQ(tick_text(2.5e-05, 2.5e-05, ValueUnit::plain), "2.5e-05");
  EXPECT_EQ(tick_text(0, 2.5e-05, ValueUnit::plain), "0.000000");
  EXPECT_EQ(tick_text(0.4, 0.1, ValueUnit::share), "40%");
  EXPECT_EQ(tick_text(0.425, 0.025, ValueUnit::share), "42.5%");
}

TEST(TickTextTest, ShortensCounts) {
  EXPECT_EQ(tick_text(0, 500, ValueUnit::count), "0");
  EXPECT_EQ(tick_text(500, 500, ValueUnit::count), "500");
  EXPECT_EQ(tick_text(12500, 2500, ValueUnit::count), "12.5k");
  EXPECT_EQ(tick_text(1000000, 250000, ValueUnit::count), "1M");
  EXPECT_EQ(tick_text(2.5e9, 5e8, ValueUnit::count), "2.5G");
}

TEST(ValueTextTest, HasFourSignificantDigits) {
  EXPECT_EQ(value_text(3.14159, ValueUnit::plain), "3.142");
  EXPECT_EQ(value_text(0.4321, ValueUnit::share), "43.2%");
  EXPECT_EQ(value_text(412345, ValueUnit::count), "412k");
  EXPECT_EQ(value_text(999, ValueUnit::count), "999");
}

}  // namespace
}  // namespace bertyard
