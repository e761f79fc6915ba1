// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/backend/layer_ops.h"

namespace bertyard::testing {

// The operations of layer_ops.h written down once more, naively and in double: the oracle of every
// backend. Its backward passes are checked by central differences in reference_ops_test.cpp.
using Values = std::vector<double>;

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  Values values;

  Matrix() = default;
  Matrix(std::int64_t r, std::int64_t c)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  double& operator()(std::int64_t r, std::int64_t c) {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
  double operator()(std::int64_t r, std::int64_t c) const {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
};

Matrix product(const Matrix& a, const Matrix& b);
Matrix transposed(const Matrix& a);

double activation_value(Activation activation, double x);
double activation_slope(Activation activation, double x);

// keep / (1 - p) of element `element` of a token; head is 0 for hidden channels.
double keep_factor(const Dropout& dropout, std::int64_t token, std::int64_t element,
                   std::int64_t head = 0);
Matrix keep_factors(const Dropout& dropout, std::int64_t tokens, std::int64_t channels);
Matrix elementwise(const Matrix& a, const Matrix& b);

struct ReferenceNorm {
  Matrix y, normalised;
  Values rstd;
};
ReferenceNorm layer_norm(const Matrix& z, const Values& gamma, const Values& beta, double epsilon);
struct ReferenceNormGradient {
  Matrix dz;
  Values dgamma, dbeta;
};
ReferenceNormGradient layer_norm_backward(const Matrix& dy, const ReferenceNorm& norm,
                                          const Values& gamma);

struct ReferenceAttention {
  std::vector<std::int32_t> offsets;
  std::int64_t heads = 1;
  std::vector<std::uint8_t> key_mask;  // empty: none
  bool causal = false;
  Dropout dropout;

  // y; scores, where asked for, as attention_with_scores() lays them out.
  Matrix forward(const Matrix& qkv, Values* scores = nullptr) const;
  // dqkv; dscores may be empty.
  Matrix backward(const Matrix& dy, const Matrix& qkv, const Values& dscores = {}) const;

 private:
  struct Head;
  Head head_of(const Matrix& qkv, std::size_t sequence, std::int64_t head) const;
};

struct ReferenceCrossEntropy {
  Values loss;
  Matrix dlogits;  // for a scale of 1
};
// target [R, C]: one-hot rows for hard labels, rows of 0 for ignored ones.
ReferenceCrossEntropy cross_entropy(const Matrix& logits, const Matrix& target);

}  // namespace bertyard::testing
