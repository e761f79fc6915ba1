// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class CpuCrossEntropy : public CpuOpsTest {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuCrossEntropy, instruction_sets(), instruction_set_name);

ConstTensorView of(const std::vector<std::int32_t>& values) {
  return view_of(std::span(values));
}

TEST_P(CpuCrossEntropy, MatchesHandComputedGolden) {
  // Softmax of (0, ln 3) is (1/4, 3/4); the second row is a tie, the third ignored.
  HostTensor logits({3, 2}, {0, std::log(3.0f), 1, 1, 5, 6});
  const std::vector<std::int32_t> labels = {1, 1, -1};
  const HostTensor scale({1}, 2.0f);
  HostTensor loss({3}), correct({3});

  ops().cross_entropy_gradient(loss.view(), correct.view(), logits.view(), of(labels),
                               scale.read());

  expect_near(loss, {std::log(4.0 / 3), std::log(2.0), 0}, 1e-7, "loss");
  EXPECT_EQ(correct.values, (std::vector<float>{1, 0, 0}));
  expect_near(logits, {0.5, -0.5, 1, -1, 0, 0}, 1e-6, "dlogits");
}

TEST_P(CpuCrossEntropy, MatchesReferenceOnALargeVocabulary) {
  const std::int64_t rows = 5, classes = 30522;
  const HostTensor logits = random_tensor({rows, classes}, 1, 8);
  const std::vector<std::int32_t> labels = {0, 17, 30521, 4000, 129};
  Matrix target(rows, classes);
  for (std::int64_t r = 0; r < rows; ++r) target(r, labels[static_cast<std::size_t>(r)]) = 1;
  HostTensor gradient = logits;
  HostTensor loss({rows}), correct({rows}), loss_alone({rows}), correct_alone({rows});
  const HostTensor scale({1}, 1.0f);

  ops().cross_entropy(loss_alone.view(), correct_alone.view(), logits.read(), of(labels));
  ops().cross_entropy_gradient(loss.view(), correct.view(), gradient.view(), of(labels),
                               scale.read());

  const auto expected = cross_entropy(logits.matrix(), target);
  expect_near(loss, expected.loss, 2e-7, "loss");  // relative to losses of about 15
  expect_near(gradient, expected.dlogits.values, 1e-6, "dlogits");
  EXPECT_EQ(loss.values, loss_alone.values);
  EXPECT_EQ(correct.values, correct_alone.values);
}

TEST_P(CpuCrossEntropy, SoftTargetsMatchReference) {
  const HostTensor logits = random_tensor({33, 129}, 1, 3);
  HostTensor target = random_tensor({33, 129}, 2, 0.5);
  for (std::size_t r = 0; r < 33; ++r) {
    float sum = 0;
    for (std::size_t c = 0; c < 129; ++c) sum += target.values[r * 129 + c] += 0.5f;
    for (std::size_t c = 0; c < 129; ++c) target.values[r * 129 + c] /= sum;
  }
  HostTensor gradient = logits;
  HostTensor loss({33});
  const HostTensor scale({1}, 0.5f);

  ops().soft_cross_entropy_gradient(loss.view(), gradient.view(), target.read(), scale.read());

  auto expected = cross_entropy(logits.matrix(), target.matrix());
  for (double& value : expected.dlogits.values) value *= 0.5;
  expect_near(loss, expected.loss, 1e-6, "loss");
  expect_near(gradient, expected.dlogits.values, 1e-6, "dlogits");
}

TEST_P(CpuCrossEntropy, ExtremeLogitsStayFiniteAndNotANumberShows) {
  HostTensor logits({2, 3}, {1e4f, -1e4f, 0, 0, std::nanf(""), 0});
  const std::vector<std::int32_t> labels = {0, 0};
  HostTensor loss({2}), correct({2});

  ops().cross_entropy(loss.view(), correct.view(), logits.read(), of(labels));

  EXPECT_EQ(loss.values[0], 0.0f);
  EXPECT_TRUE(std::isnan(loss.values[1]));
}

TEST_P(CpuCrossEntropy, AddSumAddsInIndexOrder) {
  const HostTensor x = random_tensor({1000}, 1);
  double sum = 0.25;
  double expected = 0.25;
  for (const float value : x.values) expected += static_cast<double>(value);

  ops().add_sum({&sum, DType::f64, {1}}, x.read());

  EXPECT_EQ(sum, expected);
}

TEST_P(CpuCrossEntropy, GatherAndScatterRows) {
  const HostTensor x({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::vector<std::int32_t> rows = {2, 0, 2};
  HostTensor y({3, 2});
  HostTensor dx({3, 2}, {10, 10, 10, 10, 10, 10});

  ops().gather_rows(y.view(), x.read(), of(rows));
  ops().scatter_add_rows(dx.view(), x.read(), of(rows));

  EXPECT_EQ(y.values, (std::vector<float>{5, 6, 1, 2, 5, 6}));
  EXPECT_EQ(dx.values, (std::vector<float>{13, 14, 10, 10, 16, 18}));
}

TEST_P(CpuCrossEntropy, RefusesWrongIndices) {
  HostTensor x({3, 2}), loss({3}), correct({3});
  const std::vector<std::int32_t> labels = {0, 2, 1};
  const std::vector<std::int32_t> rows = {0, 3, 1};

  expect_error([&] { ops().cross_entropy(loss.view(), correct.view(), x.read(), of(labels)); },
               "cross_entropy: labels[1] is 2, expected below 2");
  expect_error([&] { ops().gather_rows(x.view(), x.read(), of(rows)); },
               "gather_rows: rows[1] is 3, expected 0 to 2");
}

}  // namespace
}  // namespace bertyard::testing
