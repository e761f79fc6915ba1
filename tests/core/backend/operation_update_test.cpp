// SPDX-License-Identifier: Apache-2.0
// Optimizers and norms on every backend, against double.
#include <array>
#include <functional>
#include <limits>

#include "tests/core/backend/device_fixture.h"

namespace bertyard::testing {
namespace {

class UpdateOperations : public DeviceOps {
 protected:
  // Element 50 belongs to none; the second segment starts at an odd place.
  static constexpr std::int64_t kElements = 10000;
  static constexpr MomentConstants kConstants{0.9, 0.999, 1e-6};

  void SetUp() override {
    DeviceOps::SetUp();
    if (IsSkipped()) return;
    if (type_ != DType::f32) GTEST_SKIP() << "updates are f32";
    plan_ = updates().make_plan(
        UpdateTables({{0, 50, 0.01f, 0}, {51, 33, 0.0f, 1}, {84, 9916, 0.01f, 2}}));
    HostTensor second = random_tensor({kElements}, 4, 0.01);
    for (float& value : second.values) value = std::fabs(value);
    p_ = put_f32(random_tensor({kElements}, 1));
    g_ = put_f32(random_tensor({kElements}, 2));
    m_ = put_f32(random_tensor({kElements}, 3, 0.1));
    v_ = put_f32(second);
    set_scalars({.rate = 1e-3, .scale = 0.5, .finite = 1, .steps = 3});
  }
  struct Scalars {
    double rate, scale, finite, steps;
  };
  void set_scalars(const Scalars& s) {
    std::vector<double> all(kStepScalarCount);
    all[kLearningRate] = s.rate;
    all[kInverseLossScale] = 0.5;
    all[kGradientScale] = s.scale;
    all[kFinite] = s.finite;
    all[kAppliedSteps] = s.steps;
    all[kLossScale] = 2;
    scalars_ = put_values(all);
  }
  UpdateTensors tensors() const { return {p_.view, g_.view, m_.view, v_.view}; }

  using Step = std::function<void(double& p, double& g, double& m, double& v, double decay)>;
  void expect_step(const Step& step) {
    std::array<Values, 4> all = {p_.host.doubles(), g_.host.doubles(), m_.host.doubles(),
                                 v_.host.doubles()};
    for (const UpdateSegment& s : plan_->tables().segments) {
      for (auto i = static_cast<std::size_t>(s.offset);
           i < static_cast<std::size_t>(s.offset + s.elements); ++i) {
        step(all[0][i], all[1][i], all[2][i], all[3][i], static_cast<double>(s.weight_decay));
      }
    }
    expect_near(get(p_.view), all[0], 2e-7, "parameters");
    expect_near(get(g_.view), all[1], 2e-6, "gradients");
    expect_near(get(m_.view), all[2], 2e-7, "first moment");
    expect_near(get(v_.view), all[3], 2e-7, "second moment");
  }
  static double moments(double g, double& m, double& v, double t) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double c1 = t > 0 ? 1 - std::pow(0.9, t) : 1, c2 = t > 0 ? 1 - std::pow(0.999, t) : 1;
    return m / c1 / (std::sqrt(v / c2) + 1e-6);
  }

  std::unique_ptr<UpdatePlan> plan_;
  DeviceTensor p_{{}, {}, HostTensor({1})}, g_ = {{}, {}, HostTensor({1})},
                                            m_ = {{}, {}, HostTensor({1})},
                                            v_ = {{}, {}, HostTensor({1})};
  TensorView scalars_;
};
INSTANTIATE_TEST_SUITE_P(Device, UpdateOperations, device_cases(), device_case_name);

TEST_P(UpdateOperations, AdamW) {
  updates().adamw(tensors(), *plan_, kConstants, scalars_);
  expect_step([](double& p, double& g, double& m, double& v, double decay) {
    p -= 1e-3 * (moments(0.5 * g, m, v, 3) + decay * p);
  });
}

TEST_P(UpdateOperations, AdamWithoutBiasCorrection) {
  updates().adam(tensors(), *plan_, kConstants, scalars_);
  expect_step([](double& p, double& g, double& m, double& v, double decay) {
    p -= 1e-3 * (moments(0.5 * g, m, v, 0) + decay * p);
  });
}

TEST_P(UpdateOperations, SgdWithMomentum) {
  UpdateTensors without_second = tensors();
  without_second.second_moment = {};
  updates().sgd(without_second, *plan_, 0.9, scalars_);
  expect_step([](double& p, double& g, double& m, double&, double decay) {
    m = 0.9 * m + 0.5 * g + decay * p;
    p -= 1e-3 * m;
  });
}

TEST_P(UpdateOperations, LambInTwoHalves) {
  updates().lamb_update(tensors(), *plan_, kConstants, scalars_);
  const Step first = [](double& p, double& g, double& m, double& v, double decay) {
    g = moments(0.5 * g, m, v, 3) + decay * p;
  };
  expect_step(first);
  const HostTensor update = get(g_.view);
  const std::vector<double> p_squares = {16, 16, 0}, u_squares = {4, 4, 9};

  updates().lamb_apply(p_.view, g_.view, *plan_, put_values(p_squares), put_values(u_squares),
                       scalars_);

  // Ratio 4 / 2; 1 without decay; 1 where |p| is 0; untouched outside the segments.
  Values expected = p_.host.doubles();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double ratio = i < 50 ? 2 : i == 50 ? 0 : 1;
    expected[i] -= 1e-3 * ratio * static_cast<double>(update.values[i]);
  }
  expect_near(get(p_.view), expected, 2e-7, "parameters");
}

TEST_P(UpdateOperations, NothingIsWrittenWhereTheNormWasNotFinite) {
  set_scalars({.rate = 1e-3, .scale = 0.5, .finite = 0, .steps = 3});

  updates().adamw(tensors(), *plan_, kConstants, scalars_);
  updates().lamb_update(tensors(), *plan_, kConstants, scalars_);

  expect_step([](double&, double&, double&, double&, double) {});
}

TEST_P(UpdateOperations, NormsAddSquaresOfChunksInDouble) {
  const TensorView sums =
      put_values(std::vector<double>(static_cast<std::size_t>(plan_->chunks())));
  const TensorView squares = put_values(std::vector<double>(3));

  updates().sums_of_squares(sums, g_.view, *plan_);
  updates().add_chunks(squares, sums, *plan_);
  updates().finish_norm(scalars_, sums, 1.0);

  const Values g = g_.host.doubles();
  double total = 0;
  std::size_t s = 0;
  for (const UpdateSegment& segment : plan_->tables().segments) {
    double expected = 0;
    for (std::int64_t i = 0; i < segment.elements; ++i) {
      const double value = g[static_cast<std::size_t>(segment.offset + i)];
      expected += value * value;
    }
    EXPECT_NEAR(values_of<double>(squares)[s++], expected, 1e-12 * expected);
    total += expected;
  }
  const std::vector<double> after = values_of<double>(scalars_);
  const double norm = 0.5 * std::sqrt(total);
  EXPECT_NEAR(after[kGradientNorm], norm, 1e-12 * norm);
  EXPECT_NEAR(after[kGradientScale], 0.5 / norm, 1e-12);
  EXPECT_EQ(after[kFinite], 1);
  EXPECT_EQ(after[kAppliedSteps], 4);
}

TEST_P(UpdateOperations, FiniteCheckCastSumAndScale) {
  const TensorView finite = put_values(std::vector<std::int32_t>{7});
  updates().check_finite(finite, g_.view);
  EXPECT_EQ(values_of<std::int32_t>(finite)[0], 1);
  updates().add(g_.view, p_.view, stream());
  Values sums = g_.host.doubles();
  const Values p = p_.host.doubles();
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += p[i];
  expect_near(get(g_.view), sums, 1e-7, "sum");

  for (const DType type : {DType::bf16, DType::f16}) {
    const DeviceTensor narrow = room({kElements}, type), wide = room_f32({kElements});
    updates().cast(narrow.view, m_.view, stream());
    updates().cast(wide.view, narrow.view, stream());
    EXPECT_EQ(get(wide.view).values, put(m_.host, type).host.values);
  }
  const DeviceTensor odd = put_f32(HostTensor({5}, {1, 2, std::nanf(""), 4, 5}));
  updates().check_finite(finite, odd.view);
  EXPECT_EQ(values_of<std::int32_t>(finite)[0], 0);

  set_scalars({.rate = 0, .scale = 1, .finite = 1, .steps = 0});
  updates().adapt_loss_scale(scalars_, {.interval = 1});
  const DeviceTensor factors = put_f32(HostTensor({2}, {0.5f, 2})), scales = room_f32({2});
  updates().scale_losses(scales.view, factors.view, scalars_);
  EXPECT_EQ(get(scales.view).values, (std::vector<float>{2, 8}));
  EXPECT_EQ(values_of<double>(scalars_)[kInverseLossScale], 0.25);
}

TEST_P(UpdateOperations, HashIsThatOfTheBytes) {
  const auto cpu = make_cpu_device({.threads = 1});
  EXPECT_EQ(updates().hash(p_.view), cpu->update_ops().hash(p_.host.read()));
}

TEST_P(UpdateOperations, RefusesSegmentsOutsideTheBuffer) {
  const auto outside = updates().make_plan(UpdateTables({{9990, 11, 0, 0}}));
  expect_error([&] { updates().adamw(tensors(), *outside, kConstants, scalars_); },
               "adamw: segment [9990, 10001) lies outside the buffer of 10000 elements");
}

}  // namespace
}  // namespace bertyard::testing
