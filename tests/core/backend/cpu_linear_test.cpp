// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

// Sums of up to 129 products of order 1 in float: about sqrt(129) roundings of 6e-8, and the
// activations' 2e-7.
constexpr double kTolerance = 2e-6;

constexpr Activation kActivations[] = {Activation::identity, Activation::gelu_tanh,
                                       Activation::gelu_erf, Activation::tanh};

class CpuLinear : public CpuOpsTest {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuLinear, instruction_sets(), instruction_set_name);

Values with_bias(const Matrix& x, const Values& bias) {
  Values sum = x.values;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += bias[i % bias.size()];
  return sum;
}

TEST_P(CpuLinear, MatchesHandComputedGolden) {
  const HostTensor x({2, 2}, {1, 2, 3, 4});
  const HostTensor w({3, 2}, {1, 0, 0, 1, 1, 1});
  const HostTensor bias({3}, {0.5f, 0, -1});
  HostTensor y({2, 3});

  ops().linear(y.view(), {}, {.x = x.read(), .w = w.read(), .bias = bias.read()});

  EXPECT_EQ(y.values, (std::vector<float>{1.5f, 2, 2, 3.5f, 4, 6}));
}

TEST_P(CpuLinear, MatchesReferenceForEveryActivation) {
  const HostTensor x = random_tensor({33, 37}, 1, 2);
  const HostTensor w = random_tensor({129, 37}, 2);
  const HostTensor bias = random_tensor({129}, 3);
  const Values expected_pre =
      with_bias(product(x.matrix(), transposed(w.matrix())), bias.doubles());
  for (const Activation activation : kActivations) {
    HostTensor y({33, 129});
    HostTensor pre({33, 129});
    HostTensor in_place({33, 129});
    LayerOps::LinearInput input{x.read(), w.read(), bias.read(), activation};

    ops().linear(y.view(), pre.view(), input);
    ops().linear(in_place.view(), {}, input);

    Values expected = expected_pre;
    for (double& value : expected) value = activation_value(activation, value);
    expect_near(pre, expected_pre, kTolerance, "pre");
    expect_near(y, expected, kTolerance, "y");
    EXPECT_EQ(y.values, in_place.values);
  }
}

TEST_P(CpuLinear, BackwardInputMatchesReference) {
  const HostTensor dy = random_tensor({33, 129}, 1);
  const HostTensor w = random_tensor({129, 37}, 2);
  const HostTensor pre = random_tensor({33, 37}, 3, 4);
  const Matrix expected = product(dy.matrix(), w.matrix());
  for (const Activation activation : kActivations) {
    HostTensor dx({33, 37}, 7);

    ops().linear_backward_input(dx.view(), dy.read(), w.read(), activation, pre.read());

    Values scaled = expected.values;
    for (std::size_t i = 0; i < scaled.size(); ++i) {
      scaled[i] *= activation_slope(activation, pre.values[i]);
    }
    expect_near(dx, scaled, kTolerance, std::string(name_of(activation)));
  }
  HostTensor sum({33, 37}, 1);
  ops().linear_backward_input(sum.view(), dy.read(), w.read(), Accumulate::yes);
  Values plus_one = expected.values;
  for (double& value : plus_one) value += 1;
  expect_near(sum, plus_one, kTolerance, "accumulated");
}

TEST_P(CpuLinear, BackwardWeightAddsToWhatIsThere) {
  const HostTensor dy = random_tensor({129, 33}, 1);
  const HostTensor x = random_tensor({129, 37}, 2);
  HostTensor dw({33, 37}, 1);
  HostTensor dbias({33}, 2);

  ops().linear_backward_weight(dw.view(), dbias.view(), dy.read(), x.read());

  Values expected = product(transposed(dy.matrix()), x.matrix()).values;
  for (double& value : expected) value += 1;
  Values sums(33, 2.0);
  for (std::size_t i = 0; i < dy.values.size(); ++i) sums[i % 33] += dy.values[i];
  expect_near(dw, expected, kTolerance, "dw");
  expect_near(dbias, sums, kTolerance, "dbias");
}

TEST_P(CpuLinear, ActivationsKeepSevenDigitsOverTheirRange) {
  std::vector<float> points;
  for (int i = -12000; i <= 12000; ++i) points.push_back(static_cast<float>(i) * 1e-3f);
  const auto n = static_cast<std::int64_t>(points.size());
  const HostTensor pre({1, n}, points);
  const HostTensor identity_weight({1, 1}, 1.0f);
  const HostTensor column({n, 1}, points);
  for (const Activation activation : kActivations) {
    HostTensor y({n, 1});
    HostTensor slope({1, n});
    const HostTensor ones({1, n}, 1.0f);

    ops().linear(y.view(), {}, {column.read(), identity_weight.read(), {}, activation});
    ops().activation_backward(slope.view(), ones.read(), pre.read(), activation);

    for (std::size_t i = 0; i < points.size(); ++i) {
      const double x = points[i];
      ASSERT_NEAR(y.values[i], activation_value(activation, x), 4e-7 * std::max(1.0, std::fabs(x)))
          << name_of(activation) << " of " << x;
      ASSERT_NEAR(slope.values[i], activation_slope(activation, x), 1e-6)
          << name_of(activation) << "' of " << x;
    }
  }
}

TEST_P(CpuLinear, NotANumberStaysNotANumber) {
  const float nan = std::nanf("");
  const HostTensor x({1, 1}, nan);
  const HostTensor w({1, 1}, 1.0f);
  for (const Activation activation : kActivations) {
    HostTensor y({1, 1});
    ops().linear(y.view(), {}, {x.read(), w.read(), {}, activation});
    EXPECT_TRUE(std::isnan(y.values[0])) << name_of(activation);
  }
}

TEST_P(CpuLinear, RefusesWrongShapesAndTypes) {
  HostTensor y({2, 3});
  const HostTensor x({2, 4});
  const HostTensor w({3, 5});
  const std::vector<std::uint16_t> half(8);
  const ConstTensorView narrow(half.data(), DType::f16, {2, 4});
  const HostTensor fitting({3, 4});

  expect_error(
      [&] {
        ops().linear(y.view(), {}, {x.read(), w.read(), {}});
      },
      "linear: x must be f32 [2, 5], found f32 [2, 4]");
  expect_error(
      [&] {
        ops().linear(y.view(), {}, {narrow, fitting.read(), {}});
      },
      "linear: x is f16, but activations on the CPU are f32 or bf16; set the precision");
  expect_error(
      [&] {
        ops().linear({}, {}, {x.read(), fitting.read(), {}});
      },
      "linear: y must be f32 [2, 3], found nothing");
}

}  // namespace
}  // namespace bertyard::testing
