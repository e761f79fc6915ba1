// SPDX-License-Identifier: Apache-2.0
// Each loss against its definition written out in double, and each gradient against central
// differences of that definition; the CRF against the sum over every path.
#include <cmath>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/backend/loss_ops.h"
#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

using Values = std::vector<float>;

Values random_values(std::size_t count, std::uint64_t seed, double width = 4) {
  PhiloxSequence draws(seed, RandomPurpose::initialization, 2, 0);
  Values values(count);
  for (float& value : values) value = static_cast<float>(width * (draws.next_unit() - 0.5));
  return values;
}

TensorView matrix(Values& values, std::int64_t rows, std::int64_t columns) {
  return view_of(std::span(values)).reshaped({rows, columns});
}

// What `loss` of `values` changes by when one of them does.
Values differences(const Values& values, const std::function<double(const Values&)>& loss) {
  constexpr float e = 1e-2f;
  Values result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Values up = values, down = values;
    up[i] += e;
    down[i] -= e;
    result[i] =
        static_cast<float>((loss(up) - loss(down)) / (static_cast<double>(up[i]) - down[i]));
  }
  return result;
}

void expect_close(const Values& found, const Values& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance) << "element " << i;
  }
}

class CpuLoss : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 2});
  LossOps& ops_ = device_->loss_ops();
  Values scale_{0.25f};
  ConstTensorView scale() { return view_of(std::span<const float>(scale_)); }
};

TEST_F(CpuLoss, SquaredErrorAndItsGradient) {
  Values prediction{1.0f, -2.0f, 0.5f}, loss(3);
  const Values target{0.0f, 1.0f, 0.5f};

  ops_.squared_error_gradient(view_of(std::span(loss)), matrix(prediction, 3, 1),
                              view_of(std::span<const float>(target)), scale());

  EXPECT_EQ(loss, (Values{1, 9, 0}));
  EXPECT_EQ(prediction, (Values{0.5f, -1.5f, 0}));
}

// weight * (log sum exp - x[label]) summed over the rows, in double.
double weighted_loss(const Values& logits, const std::vector<std::int32_t>& labels,
                     const Values& weights) {
  double total = 0;
  const std::size_t classes = weights.size();
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (labels[r] < 0) continue;
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(double{logits[r * classes + c]});
    const auto label = static_cast<std::size_t>(labels[r]);
    total += weights[label] * (std::log(sum) - logits[r * classes + label]);
  }
  return total;
}

TEST_F(CpuLoss, WeightedCrossEntropyMatchesItsDefinition) {
  const Values start = random_values(5 * 3, 1);
  const std::vector<std::int32_t> labels{0, 2, -1, 1, 2};
  const Values weights{0.5f, 1.0f, 3.0f};
  Values logits = start, loss(5), correct(5);

  ops_.weighted_cross_entropy_gradient(view_of(std::span(loss)), view_of(std::span(correct)),
                                       matrix(logits, 5, 3),
                                       {view_of(std::span<const std::int32_t>(labels)),
                                        view_of(std::span<const float>(weights)), scale()});

  double total = 0;
  for (const float value : loss) total += value;
  EXPECT_NEAR(total, weighted_loss(start, labels, weights), 1e-5);
  EXPECT_EQ(loss[2], 0.0f);
  EXPECT_EQ(correct[2], 0.0f);
  Values expected = differences(
      start, [&](const Values& x) { return scale_[0] * weighted_loss(x, labels, weights); });
  expect_close(logits, expected, 2e-5);
}

const std::vector<std::int32_t> kOffsets{0, 3, 7};
const std::vector<std::int32_t> kSpans{0, 2, 1, 1};

double span_loss(const Values& logits) {
  double total = 0;
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t e = 0; e < 2; ++e) {
      double sum = 0;
      for (auto t = kOffsets[n]; t < kOffsets[n + 1]; ++t) {
        sum += std::exp(double{logits[2 * static_cast<std::size_t>(t) + e]});
      }
      const auto gold = static_cast<std::size_t>(kOffsets[n] + kSpans[2 * n + e]);
      total += (std::log(sum) - logits[2 * gold + e]) / 2;
    }
  }
  return total;
}

TEST_F(CpuLoss, SpanCrossEntropyIsASoftmaxOverThePositionsOfEachSequence) {
  const Values start = random_values(7 * 2, 2);
  Values logits = start, loss(2), correct(2);
  const ConstTensorView labels = view_of(std::span(kSpans)).reshaped({2, 2});

  ops_.span_cross_entropy_gradient(view_of(std::span(loss)), view_of(std::span(correct)),
                                   matrix(logits, 7, 2),
                                   {labels, view_of(std::span(kOffsets)), scale()});

  EXPECT_NEAR(double{loss[0]} + loss[1], span_loss(start), 1e-5);
  expect_close(logits,
               differences(start, [&](const Values& x) { return scale_[0] * span_loss(x); }), 2e-5);
}

TEST_F(CpuLoss, SpanCrossEntropyCountsAnAnswerOnlyWhereBothEndsAreRight) {
  Values logits(14, 0.0f), loss(2), correct(2);
  logits[0] = 5;          // start of the first at 0: right
  logits[2 * 2 + 1] = 5;  // its end at 2: right
  logits[4 * 2] = 5;      // start of the second at 1: right, its end at 0: wrong

  ops_.span_cross_entropy(view_of(std::span(loss)), view_of(std::span(correct)),
                          matrix(logits, 7, 2), view_of(std::span(kSpans)).reshaped({2, 2}),
                          view_of(std::span(kOffsets)));

  EXPECT_EQ(correct, (Values{1, 0}));
}

TEST_F(CpuLoss, SpanLabelsBeyondTheSequenceAreRefused) {
  Values logits(14), loss(2), correct(2);
  const std::vector<std::int32_t> labels{0, 3, 0, 0};

  EXPECT_THROW(ops_.span_cross_entropy(
                   view_of(std::span(loss)), view_of(std::span(correct)), matrix(logits, 7, 2),
                   view_of(std::span<const std::int32_t>(labels)).reshaped({2, 2}),
                   view_of(std::span(kOffsets))),
               Error);
}

// Scores of a CRF as one list: emissions, transitions, start, end.
struct Crf {
  std::int64_t classes = 3, length = 6;
  std::vector<std::int32_t> labels{0, 2, 1, 1, 0, 2};
  std::vector<std::int32_t> rows{1, 2, 4, 5, 7, 8};  // four of the first sequence, two of the last
  std::vector<std::int32_t> offsets{0, 6, 7, 9};

  double path_score(const Values& all, std::size_t first,
                    const std::vector<std::size_t>& path) const {
    const std::size_t c = 3;
    const float* transitions = all.data() + 18;
    double score = all[27 + path.front()] + double{all[30 + path.back()]};
    for (std::size_t t = 0; t < path.size(); ++t) {
      score += all[(first + t) * c + path[t]];
      if (t > 0) score += transitions[path[t - 1] * c + path[t]];
    }
    return score;
  }
  // By every path, in double.
  double loss(const Values& all, std::size_t first, std::size_t count) const {
    double sum = 0;
    std::vector<std::size_t> path(count);
    const auto paths = static_cast<std::size_t>(std::pow(3, count));
    for (std::size_t code = 0; code < paths; ++code) {
      std::size_t rest = code;
      for (std::size_t& label : path) {
        label = rest % 3;
        rest /= 3;
      }
      sum += std::exp(path_score(all, first, path));
    }
    for (std::size_t t = 0; t < count; ++t) path[t] = static_cast<std::size_t>(labels[first + t]);
    return std::log(sum) - path_score(all, first, path);
  }
  double total(const Values& all) const { return loss(all, 0, 4) + loss(all, 4, 2); }
};

TEST_F(CpuLoss, CrfMatchesTheSumOverEveryPath) {
  const Crf crf;
  const Values start = random_values(18 + 9 + 3 + 3, 3);
  Values all = start, gradient(15, 0.0f), loss(3);
  const auto part = [](Values& values, std::size_t first, std::size_t count) {
    return view_of(std::span(values).subspan(first, count));
  };
  const CrfScores scores{part(all, 18, 9).reshaped({3, 3}), part(all, 27, 3), part(all, 30, 3)};
  const CrfRows rows{view_of(std::span(crf.labels)), view_of(std::span(crf.rows)),
                     view_of(std::span(crf.offsets))};
  Values emissions(all.begin(), all.begin() + 18), again = emissions, plain(3);

  ops_.crf(view_of(std::span(plain)), matrix(again, 6, 3), scores, rows);
  ops_.crf_gradient(
      view_of(std::span(loss)), matrix(emissions, 6, 3),
      {part(gradient, 0, 9).reshaped({3, 3}), part(gradient, 9, 3), part(gradient, 12, 3)}, scores,
      rows, scale());

  EXPECT_NEAR(loss[0], crf.loss(start, 0, 4), 1e-5);
  EXPECT_EQ(loss[1], 0.0f);  // a sequence without labelled rows
  EXPECT_NEAR(loss[2], crf.loss(start, 4, 2), 1e-5);
  EXPECT_EQ(plain, loss);
  Values found = emissions;
  found.insert(found.end(), gradient.begin(), gradient.end());
  expect_close(found, differences(start, [&](const Values& x) { return scale_[0] * crf.total(x); }),
               3e-5);
}

TEST_F(CpuLoss, DropoutOfChosenRowsIsThatOfTheirTokens) {
  const std::vector<std::uint64_t> samples{7, 7, 7, 9, 9};
  const std::vector<std::int32_t> positions{0, 1, 2, 0, 1}, tokens{3, 1};
  const Dropout dropout{0.5,
                        11,
                        4,
                        DropoutSite::classifier,
                        view_of(std::span<const std::uint64_t>(samples)),
                        view_of(std::span<const std::int32_t>(positions))};
  const Values ones(5 * 40, 1.0f);
  Values all(5 * 40), some(2 * 40);
  Values two(ones.begin(), ones.begin() + 80);
  Values x = ones;

  ops_.dropout(matrix(all, 5, 40), matrix(x, 5, 40), {}, dropout);
  ops_.dropout(matrix(some, 2, 40), matrix(two, 2, 40),
               view_of(std::span<const std::int32_t>(tokens)), dropout);

  Values kept(2 * 40);
  ops_.dropout(matrix(kept, 2, 40), matrix(two, 2, 40),
               view_of(std::span<const std::int32_t>(tokens)), {});  // evaluation: nothing to draw
  EXPECT_EQ(kept, two);
  EXPECT_TRUE(std::equal(some.begin(), some.begin() + 40, all.begin() + 3 * 40));
  EXPECT_TRUE(std::equal(some.begin() + 40, some.end(), all.begin() + 40));
  EXPECT_GT(std::count(all.begin(), all.end(), 0.0f), 60);
  EXPECT_GT(std::count(all.begin(), all.end(), 2.0f), 60);
}

}  // namespace
}  // namespace bertyard
