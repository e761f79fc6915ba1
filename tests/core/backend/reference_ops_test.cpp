// SPDX-License-Identifier: Apache-2.0
#include "tests/core/backend/reference_ops.h"

#include <functional>

#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

// In double the central difference with this step is good to about 1e-9 for functions of order 1.
constexpr double kStep = 1e-5;
constexpr double kTolerance = 2e-8;

void expect_gradient(const std::function<double(const Values&)>& loss, Values x,
                     const Values& gradient) {
  ASSERT_EQ(x.size(), gradient.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = x[i];
    x[i] = value + kStep;
    const double above = loss(x);
    x[i] = value - kStep;
    const double below = loss(x);
    x[i] = value;
    EXPECT_NEAR((above - below) / (2 * kStep), gradient[i], kTolerance) << "element " << i;
  }
}

double dot(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * b.values[i];
  return sum;
}

Matrix with_values(const Matrix& shape, const Values& values) {
  Matrix m = shape;
  m.values = values;
  return m;
}

TEST(ReferenceOps, ActivationSlopesMatchCentralDifferences) {
  for (const Activation activation :
       {Activation::identity, Activation::gelu_tanh, Activation::gelu_erf, Activation::tanh}) {
    for (const double x : {-3.0, -0.5, 0.0, 0.7, 2.5}) {
      expect_gradient([&](const Values& v) { return activation_value(activation, v[0]); }, {x},
                      {activation_slope(activation, x)});
    }
  }
}

TEST(ReferenceOps, LayerNormBackwardMatchesCentralDifferences) {
  const Matrix z = random_tensor({3, 5}, 1).matrix();
  const Matrix dy = random_tensor({3, 5}, 2).matrix();
  const Values gamma = random_tensor({5}, 3).doubles();
  const Values beta = random_tensor({5}, 4).doubles();

  const auto gradient = layer_norm_backward(dy, layer_norm(z, gamma, beta, 1e-12), gamma);

  expect_gradient(
      [&](const Values& v) { return dot(layer_norm(with_values(z, v), gamma, beta, 1e-12).y, dy); },
      z.values, gradient.dz.values);
  expect_gradient([&](const Values& v) { return dot(layer_norm(z, v, beta, 1e-12).y, dy); }, gamma,
                  gradient.dgamma);
  expect_gradient([&](const Values& v) { return dot(layer_norm(z, gamma, v, 1e-12).y, dy); }, beta,
                  gradient.dbeta);
}

TEST(ReferenceOps, AttentionBackwardMatchesCentralDifferences) {
  const TokenTags tags({3, 4});
  ReferenceAttention attention;
  attention.offsets = tags.offsets;
  attention.heads = 2;
  attention.key_mask = {0, 1, 0, 0, 0, 0, 1};
  attention.dropout = tags.dropout(0.3, DropoutSite::attention_probability);
  const Matrix qkv = random_tensor({7, 12}, 5).matrix();
  const Matrix dy = random_tensor({7, 4}, 6).matrix();
  const Values dscores = random_tensor({2 * (9 + 16)}, 7).doubles();

  for (const bool causal : {false, true}) {
    attention.causal = causal;
    const auto loss = [&](const Values& v) {
      Values scores;
      double sum = dot(attention.forward(with_values(qkv, v), &scores), dy);
      for (std::size_t i = 0; i < scores.size(); ++i) sum += scores[i] * dscores[i];
      return sum;
    };
    expect_gradient(loss, qkv.values, attention.backward(dy, qkv, dscores).values);
  }
}

TEST(ReferenceOps, CrossEntropyGradientMatchesCentralDifferences) {
  const Matrix logits = random_tensor({2, 4}, 8).matrix();
  Matrix target(2, 4);
  target.values = {0, 0, 1, 0, 0.1, 0.2, 0.3, 0.4};

  expect_gradient(
      [&](const Values& v) {
        const Values loss = cross_entropy(with_values(logits, v), target).loss;
        return loss[0] + loss[1];
      },
      logits.values, cross_entropy(logits, target).dlogits.values);
}

}  // namespace
}  // namespace bertyard::testing
