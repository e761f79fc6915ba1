// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_scalar.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

TEST(ConfigScalar, CountsTakeDecimalSuffixes) {
  EXPECT_EQ(parse_count("0"), 0);
  EXPECT_EQ(parse_count("-5"), -5);
  EXPECT_EQ(parse_count("768"), 768);
  EXPECT_EQ(parse_count("16k"), 16000);
  EXPECT_EQ(parse_count("2.3k"), 2300);
  EXPECT_EQ(parse_count("1.000001M"), 1000001);
  EXPECT_EQ(parse_count("2G"), 2000000000);
  EXPECT_EQ(parse_count("1e6"), 1000000);
}

TEST(ConfigScalar, CountsRefuseWhatYamlLibrariesGuess) {
  for (const char* text :
       {"",    " ",   "k",     "010",    "0x10", "1_000", "1.5",   "1.0005k",
        "1K",  "1ki", "+5",    ".5",     "5.",   "1e",    "1e400", "9007199254740994",
        "nan", "inf", "5 768", "768k k", "yes"}) {
    EXPECT_THROW(parse_count(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, RealsAreTheNearestDouble) {
  EXPECT_EQ(parse_real("1e-4"), 1e-4);
  EXPECT_EQ(parse_real("0.1"), 0.1);
  EXPECT_EQ(parse_real("-2.5e+3"), -2500);
  for (const char* text : {"1e999", "nan", "inf", "0x1p3", "1,5", "1e-4x", "--1"}) {
    EXPECT_THROW(parse_real(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, PercentagesEqualTheFractionWrittenOut) {
  EXPECT_EQ(parse_fraction("15%"), 0.15);
  EXPECT_EQ(parse_fraction("15 %"), 0.15);
  EXPECT_EQ(parse_fraction("0.1%"), 0.001);
  EXPECT_EQ(parse_fraction("0.15"), 0.15);
  EXPECT_EQ(parse_fraction("100%"), 1.0);
  EXPECT_EQ(parse_fraction("0"), 0.0);
  for (const char* text : {"1", "1.5", "101%", "-1%", "%", "15 percent"}) {
    EXPECT_THROW(parse_fraction(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, OnlyTrueAndFalseAreBooleans) {
  EXPECT_TRUE(parse_boolean("true"));
  EXPECT_FALSE(parse_boolean("false"));
  for (const char* text : {"yes", "no", "on", "off", "True", "1", "0", "y"}) {
    EXPECT_THROW(parse_boolean(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, BytesNeedABinaryUnit) {
  EXPECT_EQ(parse_bytes("25 MiB"), 25u << 20);
  EXPECT_EQ(parse_bytes("1.5KiB"), 1536u);
  EXPECT_EQ(parse_bytes("2 GiB"), 2ull << 30);
  for (const char* text : {"25", "25 MB", "25M", "0.3 KiB", "-1 MiB"}) {
    EXPECT_THROW(parse_bytes(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, AmountsNeedAUnit) {
  EXPECT_EQ(parse_amount("900k steps"), (Amount{900000, AmountUnit::steps}));
  EXPECT_EQ(parse_amount("1.5 epochs"), (Amount{1.5, AmountUnit::epochs}));
  EXPECT_EQ(parse_amount("1 step"), (Amount{1, AmountUnit::steps}));
  EXPECT_EQ(parse_amount("2G tokens"), (Amount{2e9, AmountUnit::tokens}));
  EXPECT_EQ(parse_amount("5M samples"), (Amount{5e6, AmountUnit::samples}));
  try {
    parse_amount("900000");
    FAIL() << "a bare number was taken";
  } catch (const ScalarError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("steps, epochs, samples or tokens"));
  }
  for (const char* text : {"1.5 steps", "-1 steps", "3 min", "k steps", "5 k steps x"}) {
    EXPECT_THROW(parse_amount(text), ScalarError) << text;
  }
}

TEST(ConfigScalar, IntervalsAreStepsOrTime) {
  const auto either = IntervalUnits::steps_or_time;
  EXPECT_EQ(parse_interval("500 steps", either), (Interval{500, 0}));
  EXPECT_EQ(parse_interval("10k steps", either), (Interval{10000, 0}));
  EXPECT_EQ(parse_interval("45 s", either), (Interval{0, 45}));
  EXPECT_EQ(parse_interval("30min", either), (Interval{0, 1800}));
  EXPECT_EQ(parse_interval("1.5 h", either), (Interval{0, 5400}));
  EXPECT_EQ(parse_interval("1 d", either), (Interval{0, 86400}));
  EXPECT_EQ(parse_interval("never", either), Interval{});
  EXPECT_THROW(parse_interval("30 min", IntervalUnits::steps), ScalarError);
  for (const char* text : {"30", "0 steps", "-1 s", "2 m", "1k s", "0.5 steps"}) {
    EXPECT_THROW(parse_interval(text, either), ScalarError) << text;
  }
}

TEST(ConfigScalar, WritesWhatPeopleWrite) {
  EXPECT_EQ(write_count(768), "768");
  EXPECT_EQ(write_count(5000), "5000");
  EXPECT_EQ(write_count(10000), "10k");
  EXPECT_EQ(write_count(1000000), "1M");
  EXPECT_EQ(write_real(1e-6), "1e-6");
  EXPECT_EQ(write_real(1e-12), "1e-12");
  EXPECT_EQ(write_fraction(0.15), "15%");
  EXPECT_EQ(write_bytes(25u << 20), "25 MiB");
  EXPECT_EQ(write_amount({900000, AmountUnit::steps}), "900k steps");
  EXPECT_EQ(write_interval({0, 1800}), "30 min");
  EXPECT_EQ(write_interval({}), "never");
  EXPECT_EQ(write_text("data/x"), "data/x");
  EXPECT_EQ(write_text(""), "\"\"");
  EXPECT_EQ(write_text("a \"b\" \\ \n"), R"("a \"b\" \\ \x0a")");
}

TEST(ConfigScalar, WhatIsWrittenReadsBackToTheLastBit) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::uniform_int_distribution<std::int64_t> whole(0, std::int64_t{1} << 53);
  for (int i = 0; i < 2000; ++i) {
    const double fraction = uniform(random);
    const std::int64_t count = whole(random) >> (i % 50);
    EXPECT_EQ(parse_real(write_real(fraction * 1e-9)), fraction * 1e-9);
    EXPECT_EQ(parse_real(write_real(fraction * 1e30)), fraction * 1e30);
    EXPECT_EQ(parse_fraction(write_fraction(fraction)), fraction);
    EXPECT_EQ(parse_count(write_count(count)), count);
    EXPECT_EQ(parse_bytes(write_bytes(static_cast<std::uint64_t>(count))),
              static_cast<std::uint64_t>(count));
    const Amount epochs{fraction * 100, AmountUnit::epochs};
    EXPECT_EQ(parse_amount(write_amount(epochs)), epochs);
    const Interval seconds{0, fraction * 1e5};
    EXPECT_EQ(parse_interval(write_interval(seconds), IntervalUnits::steps_or_time), seconds);
  }
}

}  // namespace
}  // namespace bertyard
