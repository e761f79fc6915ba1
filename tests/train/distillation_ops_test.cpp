// SPDX-License-Identifier: Apache-2.0
// A student's losses and gradients against float64, straight from the formulas.
#include "core/backend/distillation_ops.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

using Doubles = std::vector<double>;

constexpr double kTolerance = 1e-5;

std::vector<float> random_values(std::size_t count, std::uint64_t seed, float scale) {
  PhiloxSequence draws(seed, RandomPurpose::sample_building, 0, 0);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(scale * (static_cast<float>(draws.next_below(1u << 20)) / (1u << 19) - 1));
  }
  return values;
}

Doubles log_softmax(const Doubles& x, double temperature) {
  double sum = 0;
  for (const double v : x) sum += std::exp(v / temperature);
  Doubles y;
  for (const double v : x) y.push_back(v / temperature - std::log(sum));
  return y;
}

double cross_entropy(const Doubles& x, int label) {
  return -log_softmax(x, 1)[static_cast<std::size_t>(label)];
}

double divergence(const Doubles& x, const Doubles& teacher, double temperature) {
  const Doubles p = log_softmax(x, temperature), q = log_softmax(teacher, temperature);
  double sum = 0;
  for (std::size_t c = 0; c < x.size(); ++c) sum += std::exp(q[c]) * (q[c] - p[c]);
  return temperature * temperature * sum;
}

// Central differences of a function of float64 numbers.
Doubles derivative(const std::function<double(const Doubles&)>& f, Doubles x) {
  constexpr double e = 1e-5;
  Doubles result;
  for (double& value : x) {
    const double saved = value;
    value = saved + e;
    const double above = f(x);
    value = saved - e;
    result.push_back((above - f(x)) / (2 * e));
    value = saved;
  }
  return result;
}

Doubles wide(const std::vector<float>& values, std::size_t begin, std::size_t count,
             std::size_t stride = 1) {
  Doubles result;
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(static_cast<double>(values[begin + i * stride]));
  }
  return result;
}

template <typename T>
TensorView view(std::vector<T>& values, const Shape& shape) {
  return view_of(std::span(values)).reshaped(shape);
}

class DistillationOpsTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 2});
  std::unique_ptr<DistillationOps> ops_ = make_distillation_ops(*device_);
};

TEST_P(DistillationOpsTest, LabelsOfBothKindsAgreeWithFloat64) {
  constexpr std::int64_t kRows = 4;
  const std::int64_t classes = GetParam();
  const auto c = static_cast<std::size_t>(classes);
  const double temperature = 2.5;
  std::vector<float> logits = random_values(kRows * c, 1, 4),
                     teacher = random_values(kRows * c, 2, 4);
  const std::vector<float> before = logits;
  std::vector<float> hard(kRows), soft(kRows), correct(kRows), scales{0.25f, 1.5f};
  std::vector<std::int32_t> labels{0, static_cast<std::int32_t>(classes - 1), -1, 1};

  ops_->logits_gradient(
      {view(hard, {kRows}), view(soft, {kRows}), view(correct, {kRows})},
      view(logits, {kRows, classes}),
      {view(labels, {kRows}), view(teacher, {kRows, classes}), view(scales, {2}), temperature});

  for (std::size_t r = 0; r < kRows; ++r) {
    const Doubles t = wide(teacher, r * c, c), x = wide(before, r * c, c);
    const int label = labels[r];
    const auto hard_of = [&](const Doubles& y) { return label < 0 ? 0 : cross_entropy(y, label); };
    EXPECT_NEAR(static_cast<double>(hard[r]), hard_of(x), kTolerance * (1 + hard_of(x)));
    const double expected = divergence(x, t, temperature);
    EXPECT_NEAR(static_cast<double>(soft[r]), expected, kTolerance * (1 + expected));
    const Doubles dx = derivative(
        [&](const Doubles& y) { return 0.25 * hard_of(y) + 1.5 * divergence(y, t, temperature); },
        x);
    for (std::size_t i = 0; i < c; ++i) {
      EXPECT_NEAR(static_cast<double>(logits[r * c + i]), dx[i], kTolerance) << r << " " << i;
    }
    const bool right = label >= 0 && *std::max_element(x.begin(), x.end()) ==
                                         x[static_cast<std::size_t>(std::max(label, 0))];
    EXPECT_EQ(correct[r], right ? 1.0f : 0.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, DistillationOpsTest, ::testing::Values(2, 7, 33, 257));

using DistillationRows = DistillationOpsTest;

TEST_F(DistillationRows, EndsOfAnswersAgreeWithFloat64) {
  std::vector<std::int32_t> offsets{0, 5, 6, 17}, labels{1, 3, 0, 0, -1, 10};
  std::vector<float> logits = random_values(34, 3, 3), teacher = random_values(34, 4, 3);
  const std::vector<float> before = logits;
  std::vector<float> hard(3), soft(3), correct(3), scales{0.5f, 2.0f};

  ops_->span_gradient({view(hard, {3}), view(soft, {3}), view(correct, {3})}, view(logits, {17, 2}),
                      view(offsets, {4}),
                      {view(labels, {3, 2}), view(teacher, {17, 2}), view(scales, {2}), 2});

  for (std::size_t n = 0; n < 3; ++n) {
    const auto first = static_cast<std::size_t>(offsets[n]);
    const auto length = static_cast<std::size_t>(offsets[n + 1]) - first;
    double hard_mean = 0, soft_mean = 0;
    for (std::size_t end = 0; end < 2; ++end) {
      const Doubles x = wide(before, 2 * first + end, length, 2);
      const Doubles t = wide(teacher, 2 * first + end, length, 2);
      const int label = labels[2 * n + end];
      const auto hard_of = [&](const Doubles& y) {
        return label < 0 ? 0 : cross_entropy(y, label);
      };
      hard_mean += hard_of(x) / 2;
      soft_mean += divergence(x, t, 2) / 2;
      const Doubles dx =
          derivative([&](const Doubles& y) { return 0.25 * hard_of(y) + divergence(y, t, 2); }, x);
      for (std::size_t i = 0; i < length; ++i) {
        EXPECT_NEAR(static_cast<double>(logits[2 * (first + i) + end]), dx[i], kTolerance);
      }
    }
    EXPECT_NEAR(static_cast<double>(hard[n]), hard_mean, kTolerance * (1 + hard_mean));
    EXPECT_NEAR(static_cast<double>(soft[n]), soft_mean, kTolerance * (1 + soft_mean));
  }
  EXPECT_EQ(correct[1], 1.0f);  // of one position alone
}

TEST_F(DistillationRows, NumbersPullTowardsLabelAndTeacher) {
  std::vector<float> x{1, 2}, values{3, 2}, teacher{0, 4}, hard(2), soft(2), scales{0.5f, 0.25f};

  ops_->value_gradient(view(hard, {2}), view(soft, {2}), view(x, {2, 1}),
                       {view(values, {2}), view(teacher, {2, 1}), view(scales, {2})});

  EXPECT_EQ(hard, (std::vector<float>{4, 0}));
  EXPECT_EQ(soft, (std::vector<float>{1, 4}));
  EXPECT_EQ(x, (std::vector<float>{-1.5f, -1}));
}

TEST_F(DistillationRows, CosineAndSquaredErrorAgreeWithFloat64) {
  constexpr std::size_t kRows = 3, kColumns = 37;
  std::vector<float> x = random_values(kRows * kColumns, 5, 2);
  std::vector<float> target = random_values(kRows * kColumns, 6, 2), scale{0.75f};
  const auto expect = [&](const auto& operation, const auto& loss_of) {
    std::vector<float> loss(kRows), dx(x.size(), 0.5f);
    operation(view(loss, {kRows}), view(dx, {kRows, kColumns}));
    for (std::size_t r = 0; r < kRows; ++r) {
      const Doubles row = wide(x, r * kColumns, kColumns), t = wide(target, r * kColumns, kColumns);
      EXPECT_NEAR(static_cast<double>(loss[r]), loss_of(row, t), kTolerance);
      const Doubles expected =
          derivative([&](const Doubles& y) { return 0.75 * loss_of(y, t); }, row);
      for (std::size_t c = 0; c < kColumns; ++c) {  // what was there stays
        EXPECT_NEAR(static_cast<double>(dx[r * kColumns + c]), 0.5 + expected[c], kTolerance);
      }
    }
  };
  const DistillationOps::Rows rows{view(x, {kRows, kColumns}), view(target, {kRows, kColumns}),
                                   view(scale, {1})};

  expect([&](TensorView loss, TensorView dx) { ops_->cosine_gradient(loss, dx, rows); },
         [](const Doubles& a, const Doubles& b) {
           double ab = 0, aa = 0, bb = 0;
           for (std::size_t i = 0; i < a.size(); ++i) {
             ab += a[i] * b[i];
             aa += a[i] * a[i];
             bb += b[i] * b[i];
           }
           return 1 - ab / std::sqrt(aa * bb);
         });
  expect([&](TensorView loss, TensorView dx) { ops_->squared_gradient(loss, dx, rows); },
         [](const Doubles& a, const Doubles& b) {
           double sum = 0;
           for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
           return sum / static_cast<double>(a.size());
         });
}

TEST_F(DistillationRows, ScoresCountAQueryTheSameInAnyLength) {
  std::vector<std::int32_t> offsets{0, 2, 5};  // blocks of 2 heads: 2 x 4 and 2 x 9 scores
  std::vector<float> scores = random_values(26, 7, 3), target = random_values(26, 8, 3);
  const std::vector<float> before = scores;
  std::vector<float> loss(2), scale{0.5f};

  ops_->score_gradient(view(loss, {2}), view(scores, {26}),
                       {view(target, {26}), view(offsets, {3}), view(scale, {1}), 2});

  double expected[2] = {0, 0};
  for (std::size_t i = 0; i < 26; ++i) {
    const std::size_t n = i < 8 ? 0 : 1;
    const double weight = 1.0 / (2 * (n == 0 ? 2 : 3));
    const double difference = static_cast<double>(before[i]) - static_cast<double>(target[i]);
    expected[n] += weight * difference * difference;
    EXPECT_NEAR(static_cast<double>(scores[i]), 0.5 * weight * 2 * difference, kTolerance);
  }
  EXPECT_NEAR(static_cast<double>(loss[0]), expected[0], kTolerance * (1 + expected[0]));
  EXPECT_NEAR(static_cast<double>(loss[1]), expected[1], kTolerance * (1 + expected[1]));
}

TEST_F(DistillationRows, RefuseALabelThatIsNoClass) {
  std::vector<float> logits(4), teacher(4), one(2), two(2), three(2), scales(2);
  std::vector<std::int32_t> labels{0, 2};

  try {
    ops_->logits_gradient({view(one, {2}), view(two, {2}), view(three, {2})}, view(logits, {2, 2}),
                          {view(labels, {2}), view(teacher, {2, 2}), view(scales, {2}), 1});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "logits_gradient: a label is 2, expected below 2");
  }
}

}  // namespace
}  // namespace bertyard
