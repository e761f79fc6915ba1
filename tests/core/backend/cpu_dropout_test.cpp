// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class CpuDropout : public CpuOpsTest {
 protected:
  // The factors that add_norm_backward applies: dx / dresidual.
  std::vector<float> factors(const TokenTags& tags, const Dropout& dropout, std::int64_t hidden) {
    const std::int64_t rows = tags.tokens();
    const HostTensor dy = random_tensor({rows, hidden}, 1), gamma({hidden}, 1.0f), beta({hidden});
    HostTensor normalised = random_tensor({rows, hidden}, 2), rstd({rows}, 1.0f);
    HostTensor dx({rows, hidden}), dresidual({rows, hidden}), dgamma({hidden}), dbeta({hidden});
    ops().add_norm_backward(dx.view(), dresidual.view(), {dgamma.view(), dbeta.view()}, dy.read(),
                            {gamma.read(), beta.read()}, {normalised.view(), rstd.view()}, dropout);
    for (std::size_t i = 0; i < dx.values.size(); ++i) dx.values[i] /= dresidual.values[i];
    return dx.values;
  }
};
INSTANTIATE_TEST_SUITE_P(Isa, CpuDropout, instruction_sets(), instruction_set_name);

TEST_P(CpuDropout, DecisionsEqualThoseOfScalarPhiloxBitByBit) {
  const TokenTags tags({40, 3});
  for (const std::int64_t hidden : {8, 37, 512, 1029}) {
    const Dropout dropout = tags.dropout(0.1, DropoutSite::feed_forward_output);

    const std::vector<float> found = factors(tags, dropout, hidden);

    const Matrix expected = keep_factors(dropout, tags.tokens(), hidden);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i] != 0, expected.values[i] != 0) << "element " << i << " of " << hidden;
      ASSERT_NEAR(found[i], expected.values[i], 1e-6);
    }
  }
}

TEST_P(CpuDropout, KeepsTheRightShare) {
  const TokenTags tags({200, 200, 200});
  const std::int64_t hidden = 512;
  const double n = 600.0 * hidden;
  for (const double probability : {0.1, 0.5, 0.9}) {
    double kept = 0;
    for (const float f : factors(tags, tags.dropout(probability, DropoutSite::embedding), hidden)) {
      kept += f != 0 ? 1 : 0;
    }
    // Five standard deviations of the binomial.
    EXPECT_NEAR(kept, n * (1 - probability), 5 * std::sqrt(n * probability * (1 - probability)));
  }
}

TEST_P(CpuDropout, SitesLayersAndSeedsDiffer) {
  const TokenTags tags({20});
  const Dropout base = tags.dropout(0.5, DropoutSite::embedding);
  Dropout other_site = base, other_layer = base, other_seed = base;
  other_site.site = DropoutSite::attention_output;
  other_layer.layer = 4;
  other_seed.seed += std::uint64_t{1} << 32;

  const auto masks = factors(tags, base, 64);

  EXPECT_EQ(masks, factors(tags, base, 64));
  EXPECT_NE(masks, factors(tags, other_site, 64));
  EXPECT_NE(masks, factors(tags, other_layer, 64));
  EXPECT_NE(masks, factors(tags, other_seed, 64));
}

}  // namespace
}  // namespace bertyard::testing
