// SPDX-License-Identifier: Apache-2.0
#include "core/optim/optimizer.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

// Two tensors, one that decays and one that does not, and the same arithmetic in double.
class OptimizerStep : public ::testing::Test {
 protected:
  OptimizerStep() {
    store_.add("w", {5000}, WeightDecay::yes);  // two norm chunks
    store_.add("b", {7}, WeightDecay::no);
    const auto size = static_cast<std::size_t>(store_.flat_elements());
    values_.resize(size);
    gradients_.resize(size);
    for (std::size_t i = 0; i < size; ++i) values_[i] = std::sin(static_cast<float>(i));
    store_.bind(view_of(std::span(values_)), view_of(std::span(gradients_)));
    for (const ParameterInfo& info : store_.infos()) {
      for (std::int64_t k = 0; k < info.shape.elements(); ++k) {
        index_.push_back(static_cast<std::size_t>(info.offset + k));
      }
    }
    for (const std::size_t i : index_) expected_.push_back(values_[i]);
    m_.assign(index_.size(), 0.0);
    v_.assign(index_.size(), 0.0);
  }

  void make(const OptimizerOptions& options) {
    options_ = options;
    optimizer_ = std::make_unique<Optimizer>(options, store_);
    ArenaPlan plan;
    optimizer_->plan(plan);
    arena_ = Arena(device_->allocate(plan.bytes()));
    optimizer_->bind(arena_, *device_);
  }

  UpdateOutcome step(double rate, int t) {
    for (const std::size_t i : index_) {
      gradients_[i] = std::cos(static_cast<float>(i) * static_cast<float>(t));
    }
    return optimizer_->step(rate, store_);
  }

  // g after clipping, in double.
  std::vector<double> clipped(int t) const {
    std::vector<double> g;
    double squares = 0;
    for (const std::size_t i : index_) {
      g.push_back(std::cos(static_cast<float>(i) * static_cast<float>(t)));
      squares += g.back() * g.back();
    }
    const double norm = std::sqrt(squares);
    if (options_.clip_norm > 0 && norm > options_.clip_norm) {
      for (double& value : g) value *= options_.clip_norm / norm;
    }
    return g;
  }

  double decay(std::size_t k) const { return k < 5000 ? options_.weight_decay : 0.0; }

  void moments(const std::vector<double>& g) {
    for (std::size_t k = 0; k < g.size(); ++k) {
      m_[k] = options_.beta1 * m_[k] + (1 - options_.beta1) * g[k];
      v_[k] = options_.beta2 * v_[k] + (1 - options_.beta2) * g[k] * g[k];
    }
  }

  // Relative to a step's size: f32 moments, three steps.
  void expect_equal(double tolerance) const {
    for (std::size_t k = 0; k < index_.size(); ++k) {
      ASSERT_NEAR(values_[index_[k]], expected_[k], tolerance) << "element " << k;
    }
  }

  ParameterStore store_;
  std::vector<float> values_, gradients_;
  std::vector<std::size_t> index_;
  std::vector<double> expected_, m_, v_;
  OptimizerOptions options_;
  std::unique_ptr<Device> device_ = make_cpu_device({});
  Arena arena_;
  std::unique_ptr<Optimizer> optimizer_;
};

TEST_F(OptimizerStep, AdamWCorrectsBiasAndDecaysWeightsOnly) {
  make({.kind = OptimizerKind::adamw, .epsilon = 1e-6, .weight_decay = 0.1, .clip_norm = 1.0});

  for (int t = 1; t <= 3; ++t) {
    step(1e-2, t);
    moments(clipped(t));
    for (std::size_t k = 0; k < expected_.size(); ++k) {
      const double mhat = m_[k] / (1 - std::pow(options_.beta1, t));
      const double vhat = v_[k] / (1 - std::pow(options_.beta2, t));
      expected_[k] -= 1e-2 * (mhat / (std::sqrt(vhat) + 1e-6) + decay(k) * expected_[k]);
    }
  }

  expect_equal(1e-6);
}

TEST_F(OptimizerStep, GoogleAdamHasNoBiasCorrection) {
  make({.kind = OptimizerKind::adam, .weight_decay = 0.01, .clip_norm = 0});

  for (int t = 1; t <= 3; ++t) {
    step(1e-3, t);
    moments(clipped(t));
    for (std::size_t k = 0; k < expected_.size(); ++k) {
      expected_[k] -= 1e-3 * (m_[k] / (std::sqrt(v_[k]) + 1e-6) + decay(k) * expected_[k]);
    }
  }

  expect_equal(1e-6);
}

TEST_F(OptimizerStep, LambScalesDecayingTensorsByTheirTrustRatio) {
  make({.kind = OptimizerKind::lamb, .weight_decay = 0.01, .clip_norm = 1.0});

  for (int t = 1; t <= 3; ++t) {
    step(1e-2, t);
    moments(clipped(t));
    std::vector<double> u(expected_.size());
    double p_squares = 0;
    double u_squares = 0;
    for (std::size_t k = 0; k < u.size(); ++k) {
      const double mhat = m_[k] / (1 - std::pow(options_.beta1, t));
      const double vhat = v_[k] / (1 - std::pow(options_.beta2, t));
      u[k] = mhat / (std::sqrt(vhat) + 1e-6) + decay(k) * expected_[k];
      if (k < 5000) {
        p_squares += expected_[k] * expected_[k];
        u_squares += u[k] * u[k];
      }
    }
    const double ratio = std::sqrt(p_squares / u_squares);
    for (std::size_t k = 0; k < u.size(); ++k) {
      expected_[k] -= 1e-2 * (k < 5000 ? ratio : 1.0) * u[k];
    }
  }

  expect_equal(2e-6);
}

TEST_F(OptimizerStep, SgdKeepsMomentum) {
  make({.kind = OptimizerKind::sgd, .weight_decay = 0.01, .clip_norm = 0});

  for (int t = 1; t <= 3; ++t) {
    step(1e-2, t);
    const std::vector<double> g = clipped(t);
    for (std::size_t k = 0; k < expected_.size(); ++k) {
      m_[k] = options_.beta1 * m_[k] + g[k] + decay(k) * expected_[k];
      expected_[k] -= 1e-2 * m_[k];
    }
  }

  expect_equal(1e-6);
}

TEST_F(OptimizerStep, SkipsAStepWhoseGradientIsNotFinite) {
  make({});
  step(1e-2, 1);
  const std::vector<float> before = values_;
  gradients_[3] = std::numeric_limits<float>::quiet_NaN();

  const UpdateOutcome outcome = optimizer_->step(1e-2, store_);

  EXPECT_FALSE(outcome.applied);
  EXPECT_EQ(values_, before);
  EXPECT_EQ(optimizer_->applied_steps(), 1);
}

TEST_F(OptimizerStep, ReportsTheNormBeforeClipping) {
  make({.clip_norm = 1e-3});
  for (const std::size_t i : index_) gradients_[i] = 0;
  gradients_[index_[0]] = 3;
  gradients_[index_[5003]] = 4;

  EXPECT_DOUBLE_EQ(optimizer_->step(0, store_).gradient_norm, 5.0);
}

}  // namespace
}  // namespace bertyard
