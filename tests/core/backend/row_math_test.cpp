// SPDX-License-Identifier: Apache-2.0
// The row functors that kernels and the host share, against double.
#include "core/backend/row_math.h"

#include <array>

#include <gtest/gtest.h>

#include "core/backend/update_math.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

TEST(RowMath, ActivationsAndTheirSlopes) {
  for (const Activation activation :
       {Activation::identity, Activation::gelu_tanh, Activation::gelu_erf, Activation::tanh}) {
    for (double x = -8; x <= 8; x += 0.37) {
      const auto f = static_cast<float>(x);
      EXPECT_NEAR(activated(activation, f), activation_value(activation, f), 1e-6);
      EXPECT_NEAR(activation_gradient_at(activation, f), activation_slope(activation, f), 1e-6);
    }
  }
}

TEST(RowMath, KeptBitsAreThePublishedDraws) {
  const TokenTags tags({5});
  const Dropout dropout = tags.dropout(0.3, DropoutSite::attention_output);
  DropoutDraws draws;
  draws.key = philox_key(dropout.seed);
  draws.layer_and_site = dropout.layer << 8 | static_cast<std::uint32_t>(dropout.site);
  draws.threshold = 19661;  // round(65536 * 0.3)
  draws.sample = tags.sample.data();
  draws.position = tags.position.data();
  for (std::int64_t token = 0; token < 5; ++token) {
    for (std::uint32_t block = 0; block < 4; ++block) {
      const std::uint32_t kept = kept_bits(
          draws.key, {{draws.counter0(token), draws.counter1(token), draws.layer_and_site, block}},
          draws.threshold);
      for (std::uint32_t e = 0; e < 8; ++e) {
        EXPECT_EQ((kept >> e & 1u) != 0, keep_factor(dropout, token, 8 * block + e) != 0);
      }
    }
  }
}

TEST(RowMath, LogSumExpInAnySplit) {
  const HostTensor x = random_tensor({100}, 1, 30);
  double sum = 0;
  for (const float value : x.values) sum += std::exp(static_cast<double>(value));
  LogSumExp whole = LogSumExp::of_nothing();
  for (std::int32_t split = 0; split <= 100; split += 25) {
    LogSumExp left = LogSumExp::of_nothing(), right = LogSumExp::of_nothing();
    for (std::int32_t i = 0; i < 100; ++i) {
      (i < split ? left : right).add(i, x.values[static_cast<std::size_t>(i)]);
    }
    left.merge(right);
    whole = left;
    EXPECT_NEAR(whole.value(), std::log(sum), 1e-5 * std::fabs(std::log(sum)));
  }
  const auto greatest = std::max_element(x.values.begin(), x.values.end());
  EXPECT_EQ(whole.first, greatest - x.values.begin());
}

TEST(RowMath, TheFirstOfEqualMaximaWins) {
  LogSumExp left = LogSumExp::of_nothing(), right = LogSumExp::of_nothing();
  right.add(0, 2.0f);
  right.add(3, 2.0f);
  left.add(1, 2.0f);
  left.add(2, 1.0f);
  left.merge(right);
  EXPECT_EQ(left.first, 0);
}

TEST(RowMath, RstdSurvivesALargeMean) {
  float mean = 1e4f;  // off by 0.25
  const std::array<double, 4> z{1e4 + 1, 1e4 - 0.5, 1e4 + 0.25, 1e4 + 0.25};
  float rest = 0, squares = 0;
  for (const double value : z) {
    const auto centred = static_cast<float>(value) - mean;
    rest += centred;
    squares += centred * centred;
  }
  const float rstd = norm_rstd(mean, rest, squares, 4, 1e-12f);
  EXPECT_FLOAT_EQ(mean, 1e4f + 0.25f);
  EXPECT_NEAR(rstd, 1 / std::sqrt((0.5625 + 0.5625) / 4), 1e-5);
}

TEST(RowMath, LambRatioIsOneWithoutDecayOrNorms) {
  EXPECT_FLOAT_EQ(lamb_factor(0.1, 16, 4, 0.01f), 0.2f);
  EXPECT_FLOAT_EQ(lamb_factor(0.1, 16, 4, 0.0f), 0.1f);
  EXPECT_FLOAT_EQ(lamb_factor(0.1, 0, 4, 0.01f), 0.1f);
}

}  // namespace
}  // namespace bertyard::testing
