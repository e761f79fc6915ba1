// SPDX-License-Identifier: Apache-2.0
#include "core/nn/normal_draws.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/philox.h"

namespace bertyard {
namespace {

// The definition, one number after another with the C library's functions.
std::vector<float> defined(std::size_t count, const NormalDraws& draws) {
  PhiloxSequence sequence(draws.seed, RandomPurpose::initialization, 0, draws.stream);
  std::vector<float> values(count);
  for (float& value : values) {
    double z = 0;
    do {
      const double radius = std::sqrt(-2.0 * std::log(1.0 - sequence.next_unit()));
      z = radius * std::cos(2.0 * std::numbers::pi * sequence.next_unit());
    } while (std::abs(z) > draws.limit);
    value = static_cast<float>(draws.deviation * z);
  }
  return values;
}

TEST(NormalDraws, AreTheDefinitionToTheBit) {
  for (const std::size_t count : {1, 255, 700, 40000, 300001}) {
    for (const int threads : {1, 3}) {
      const NormalDraws draws{
          .seed = 42, .stream = 0xFEDCBA9876543210ull + count, .deviation = 0.02, .limit = 2};
      std::vector<float> values(count);
      fill_normal(values, draws, threads);
      EXPECT_EQ(std::memcmp(values.data(), defined(count, draws).data(), 4 * count), 0)
          << count << " values, " << threads << " threads";
    }
  }
}

TEST(NormalDraws, WithoutALimitNothingIsLeftOut) {
  const NormalDraws draws{.seed = 7, .stream = 1, .deviation = 1};
  std::vector<float> values(2000000);
  fill_normal(values, draws, 2);
  EXPECT_EQ(values, defined(values.size(), draws));
  double sum = 0, squares = 0, most = 0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
    most = std::max<double>(most, std::abs(value));
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 4 * std::sqrt(2 / count));
  EXPECT_GT(most, 4.5);
}

}  // namespace
}  // namespace bertyard
