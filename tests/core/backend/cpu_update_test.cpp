// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class CpuUpdate : public CpuOpsTest {
 protected:
  // Three tensors: decayed, not decayed, decayed; element 50 belongs to none.
  static constexpr std::int64_t kElements = 40000;
  const std::vector<UpdateSegment> segments_ = {
      {0, 50, 0.01f, 0}, {51, 33, 0.0f, 1}, {84, 39916, 0.01f, 2}};
  HostTensor p_ = random_tensor({kElements}, 1), g_ = random_tensor({kElements}, 2),
             m_ = random_tensor({kElements}, 3, 0.1), v_ = random_tensor({kElements}, 4, 0.01);
  std::array<double, kStepScalarCount> scalars_{};

  void SetUp() override {
    CpuOpsTest::SetUp();
    for (float& value : v_.values) value = std::fabs(value);
    scalars_[kLearningRate] = 1e-3;
    scalars_[kInverseLossScale] = 1;
    scalars_[kGradientScale] = 0.5;
    scalars_[kFinite] = 1;
    scalars_[kAppliedSteps] = 3;
  }
  std::unique_ptr<UpdatePlan> plan(const std::vector<UpdateSegment>& segments) {
    return updates().make_plan(UpdateTables(segments));
  }
  UpdateTensors tensors() { return {p_.view(), g_.view(), m_.view(), v_.view()}; }
  TensorView scalars() { return {scalars_.data(), DType::f64, {kStepScalarCount}}; }

  // Applies `step(p, g, m, v, decay)` in double to every element of every segment.
  template <typename Step>
  std::array<Values, 4> expected(Step step) const {
    std::array<Values, 4> all = {p_.doubles(), g_.doubles(), m_.doubles(), v_.doubles()};
    for (const UpdateSegment& s : segments_) {
      for (auto i = static_cast<std::size_t>(s.offset);
           i < static_cast<std::size_t>(s.offset + s.elements); ++i) {
        step(all[0][i], all[1][i], all[2][i], all[3][i], static_cast<double>(s.weight_decay));
      }
    }
    return all;
  }
  void expect_state(const std::array<Values, 4>& expected) {
    expect_near(p_, expected[0], 2e-7, "parameters");
    expect_near(g_, expected[1], 2e-6, "gradients");  // LAMB's update is of order 10
    expect_near(m_, expected[2], 2e-7, "first moment");
    expect_near(v_, expected[3], 2e-7, "second moment");
  }
};
INSTANTIATE_TEST_SUITE_P(Isa, CpuUpdate, instruction_sets(), instruction_set_name);

constexpr MomentConstants kConstants = {0.9, 0.999, 1e-6};

double moments(double g, double& m, double& v, double t) {
  m = 0.9 * m + 0.1 * g;
  v = 0.999 * v + 0.001 * g * g;
  const double c1 = t > 0 ? 1 - std::pow(0.9, t) : 1;
  const double c2 = t > 0 ? 1 - std::pow(0.999, t) : 1;
  return m / c1 / (std::sqrt(v / c2) + 1e-6);
}

TEST_P(CpuUpdate, AdamWMatchesReference) {
  const auto after = expected([](double& p, double& g, double& m, double& v, double decay) {
    p -= 1e-3 * (moments(0.5 * g, m, v, 3) + decay * p);
  });

  updates().adamw(tensors(), *plan(segments_), kConstants, scalars());

  expect_state(after);
}

TEST_P(CpuUpdate, AdamHasNoBiasCorrection) {
  const auto after = expected([](double& p, double& g, double& m, double& v, double decay) {
    p -= 1e-3 * (moments(0.5 * g, m, v, 0) + decay * p);
  });

  updates().adam(tensors(), *plan(segments_), kConstants, scalars());

  expect_state(after);
}

TEST_P(CpuUpdate, SgdMatchesReference) {
  const auto after = expected([](double& p, double& g, double& m, double&, double decay) {
    m = 0.9 * m + 0.5 * g + decay * p;
    p -= 1e-3 * m;
  });
  UpdateTensors without_second = tensors();
  without_second.second_moment = {};

  updates().sgd(without_second, *plan(segments_), 0.9, scalars());

  expect_state(after);
}

TEST_P(CpuUpdate, LambUpdateMatchesReference) {
  const auto after = expected([](double& p, double& g, double& m, double& v, double decay) {
    g = moments(0.5 * g, m, v, 3) + decay * p;
  });

  updates().lamb_update(tensors(), *plan(segments_), kConstants, scalars());

  expect_state(after);
}

TEST_P(CpuUpdate, LambApplyScalesDecayedTensorsByTheTrustRatio) {
  HostTensor p({4}, {1, 1, 1, 1}), u({4}, {1, 2, 3, 4});
  const std::vector<UpdateSegment> segments = {{0, 1, 0.01f, 0}, {1, 1, 0.0f, 1}, {2, 1, 0.01f, 2}};
  std::vector<double> p_squares = {16, 16, 0}, u_squares = {4, 4, 9};
  const auto of = [](std::vector<double>& x) { return view_of(std::span<double>(x)); };

  updates().lamb_apply(p.view(), u.read(), *plan(segments), of(p_squares), of(u_squares),
                       scalars());

  // Ratio 4 / 2; 1 without decay; 1 where |p| is 0; untouched outside the segments.
  expect_near(p, {1 - 1e-3 * 2, 1 - 1e-3 * 2, 1 - 1e-3 * 3, 1}, 1e-7, "p");
}

TEST_P(CpuUpdate, NothingIsWrittenAfterANonFiniteNorm) {
  scalars_[kFinite] = 0;
  const auto before = expected([](double&, double&, double&, double&, double) {});

  updates().adamw(tensors(), *plan(segments_), kConstants, scalars());
  updates().adam(tensors(), *plan(segments_), kConstants, scalars());
  updates().sgd(tensors(), *plan(segments_), 0.9, scalars());
  updates().lamb_update(tensors(), *plan(segments_), kConstants, scalars());

  expect_state(before);
}

TEST_P(CpuUpdate, NormIsClippedAndCounted) {
  const HostTensor g({4}, {3, 4, 0, 12});
  const auto chunks = plan({{.offset = 0, .elements = 2}, {.offset = 2, .elements = 2}});
  std::vector<double> sums(2);
  scalars_[kInverseLossScale] = 0.5;

  updates().sums_of_squares(view_of(std::span<double>(sums)), g.read(), *chunks);
  updates().finish_norm(scalars(), view_of(std::span<double>(sums)), 1.0);

  EXPECT_EQ(sums, (std::vector<double>{25, 144}));
  EXPECT_DOUBLE_EQ(scalars_[kGradientNorm], 6.5);
  EXPECT_DOUBLE_EQ(scalars_[kGradientScale], 0.5 / 6.5);
  EXPECT_EQ(scalars_[kFinite], 1);
  EXPECT_EQ(scalars_[kAppliedSteps], 4);
  sums[0] = std::numeric_limits<double>::quiet_NaN();
  updates().finish_norm(scalars(), view_of(std::span<double>(sums)), 0.0);
  EXPECT_EQ(scalars_[kFinite], 0);
  EXPECT_EQ(scalars_[kAppliedSteps], 4);
}

TEST_P(CpuUpdate, ChunksAreAddedPerTensor) {
  std::vector<double> sums = {1, 2, 4, 8}, out(2);
  const auto three_and_one =
      plan({{.offset = 0, .elements = 8193}, {.offset = 8200, .elements = 5}});

  updates().add_chunks(view_of(std::span<double>(out)), view_of(std::span<double>(sums)),
                       *three_and_one);

  EXPECT_EQ(out, (std::vector<double>{7, 8}));
}

TEST_P(CpuUpdate, LossScaleGrowsAfterAppliedUpdatesAndHalvesAtASkippedOne) {
  scalars_[kLossScale] = 1024;
  HostTensor factors({2}, {0.5f, 2}), scales({2});

  updates().adapt_loss_scale(scalars(), {.interval = 2});
  EXPECT_EQ(scalars_[kLossScale], 1024);
  updates().adapt_loss_scale(scalars(), {.interval = 2});
  EXPECT_EQ(scalars_[kLossScale], 2048);
  EXPECT_EQ(scalars_[kInverseLossScale], 1.0 / 2048);
  EXPECT_EQ(scalars_[kScaleSteps], 0);
  scalars_[kFinite] = 0;
  updates().adapt_loss_scale(scalars(), {.interval = 2});
  EXPECT_EQ(scalars_[kLossScale], 1024);
  updates().scale_losses(scales.view(), factors.read(), scalars());
  EXPECT_EQ(scales.values, (std::vector<float>{512, 2048}));
  for (int i = 0; i < 20; ++i) updates().adapt_loss_scale(scalars(), {.interval = 2});
  EXPECT_EQ(scalars_[kLossScale], LossScaling::kSmallest);
}

TEST_P(CpuUpdate, FiniteCheckFindsOneBadElement) {
  std::int32_t finite = -1;
  const TensorView flag(&finite, DType::i32, {1});
  updates().check_finite(flag, g_.read());
  EXPECT_EQ(finite, 1);
  for (const float bad : {std::nanf(""), -std::numeric_limits<float>::infinity()}) {
    g_.values[38001] = bad;
    updates().check_finite(flag, g_.read());
    EXPECT_EQ(finite, 0);
  }
}

TEST_P(CpuUpdate, AddAndHash) {
  HostTensor sum({3}, {1, 2, 3});
  const HostTensor addend({3}, {10, 20, 30});
  const std::uint64_t before = updates().hash(sum.read());

  updates().add(sum.view(), addend.read(), device_->compute_stream());

  EXPECT_EQ(sum.values, (std::vector<float>{11, 22, 33}));
  EXPECT_NE(updates().hash(sum.read()), before);
}

TEST_P(CpuUpdate, RefusesSegmentsOutsideTheBuffer) {
  const std::vector<UpdateSegment> outside = {{39990, 11, 0}};

  expect_error([&] { updates().adamw(tensors(), *plan(outside), kConstants, scalars()); },
               "adamw: segment [39990, 40001) lies outside the buffer of 40000 elements");
  expect_error([&] { updates().cast(p_.view(), scalars(), device_->compute_stream()); },
               "cast: from must be 40000 elements, found f64 [8]");
}

}  // namespace
}  // namespace bertyard::testing
