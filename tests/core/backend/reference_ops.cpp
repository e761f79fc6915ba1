// SPDX-License-Identifier: Apache-2.0
#include "tests/core/backend/reference_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/philox.h"

namespace bertyard::testing {

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix y(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      for (std::int64_t j = 0; j < b.columns; ++j) y(i, j) += a(i, k) * b(k, j);
    }
  }
  return y;
}

Matrix transposed(const Matrix& a) {
  Matrix y(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) y(j, i) = a(i, j);
  }
  return y;
}

Matrix elementwise(const Matrix& a, const Matrix& b) {
  Matrix y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] *= b.values[i];
  return y;
}

double activation_value(Activation activation, double x) {
  switch (activation) {
    case Activation::identity:
      return x;
    case Activation::gelu_tanh:
      return 0.5 * x *
             (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::gelu_erf:
      return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::tanh:
      return std::tanh(x);
  }
  return 0;
}

double activation_slope(Activation activation, double x) {
  switch (activation) {
    case Activation::identity:
      return 1;
    case Activation::gelu_tanh: {
      const double root = std::sqrt(2 / std::numbers::pi);
      const double t = std::tanh(root * (x + 0.044715 * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::gelu_erf:
      return 0.5 * (1 + std::erf(x / std::numbers::sqrt2)) +
             x * std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
    case Activation::tanh:
      return 1 - std::tanh(x) * std::tanh(x);
  }
  return 0;
}

double keep_factor(const Dropout& dropout, std::int64_t token, std::int64_t element,
                   std::int64_t head) {
  if (dropout.probability == 0) return 1;
  const std::uint64_t sample = dropout.sample.as<std::uint64_t>()[token];
  const auto position = static_cast<std::uint32_t>(dropout.position.as<std::int32_t>()[token]);
  const PhiloxBlock block = philox4x32(
      philox_key(dropout.seed),
      {{static_cast<std::uint32_t>(sample & 0xFFFFFFFFu),
        static_cast<std::uint32_t>(sample >> 32) << 16 | position,
        dropout.layer << 8 | static_cast<std::uint32_t>(dropout.site),
        static_cast<std::uint32_t>(head) << 16 | static_cast<std::uint32_t>(element / 8)}});
  const auto half = static_cast<std::uint32_t>(element % 8);
  const std::uint32_t word = block.word[half / 2];
  const std::uint32_t draw = half % 2 == 0 ? word & 0xFFFFu : word >> 16;
  const double threshold = std::round(65536 * dropout.probability);
  return draw >= threshold ? 1 / (1 - threshold / 65536) : 0;
}

Matrix keep_factors(const Dropout& dropout, std::int64_t tokens, std::int64_t channels) {
  Matrix factors(tokens, channels);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t c = 0; c < channels; ++c) factors(t, c) = keep_factor(dropout, t, c);
  }
  return factors;
}

ReferenceNorm layer_norm(const Matrix& z, const Values& gamma, const Values& beta, double epsilon) {
  ReferenceNorm result{z, z, Values(static_cast<std::size_t>(z.rows))};
  const auto n = static_cast<double>(z.columns);
  for (std::int64_t r = 0; r < z.rows; ++r) {
    double mean = 0;
    double variance = 0;
    for (std::int64_t c = 0; c < z.columns; ++c) mean += z(r, c) / n;
    for (std::int64_t c = 0; c < z.columns; ++c) variance += std::pow(z(r, c) - mean, 2) / n;
    const double rstd = 1 / std::sqrt(variance + epsilon);
    result.rstd[static_cast<std::size_t>(r)] = rstd;
    for (std::int64_t c = 0; c < z.columns; ++c) {
      const auto column = static_cast<std::size_t>(c);
      result.normalised(r, c) = (z(r, c) - mean) * rstd;
      result.y(r, c) = result.normalised(r, c) * gamma[column] + beta[column];
    }
  }
  return result;
}

ReferenceNormGradient layer_norm_backward(const Matrix& dy, const ReferenceNorm& norm,
                                          const Values& gamma) {
  ReferenceNormGradient result{dy, Values(gamma.size()), Values(gamma.size())};
  const auto n = static_cast<double>(dy.columns);
  for (std::int64_t r = 0; r < dy.rows; ++r) {
    double mean_g = 0;
    double mean_gn = 0;
    for (std::int64_t c = 0; c < dy.columns; ++c) {
      const auto column = static_cast<std::size_t>(c);
      mean_g += dy(r, c) * gamma[column] / n;
      mean_gn += dy(r, c) * gamma[column] * norm.normalised(r, c) / n;
      result.dgamma[column] += dy(r, c) * norm.normalised(r, c);
      result.dbeta[column] += dy(r, c);
    }
    for (std::int64_t c = 0; c < dy.columns; ++c) {
      result.dz(r, c) =
          norm.rstd[static_cast<std::size_t>(r)] * (dy(r, c) * gamma[static_cast<std::size_t>(c)] -
                                                    mean_g - norm.normalised(r, c) * mean_gn);
    }
  }
  return result;
}

ReferenceCrossEntropy cross_entropy(const Matrix& logits, const Matrix& target) {
  ReferenceCrossEntropy result{Values(static_cast<std::size_t>(logits.rows)), logits};
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    double sum = 0;
    double mass = 0;
    for (std::int64_t c = 0; c < logits.columns; ++c) {
      sum += std::exp(logits(r, c));
      mass += target(r, c);
    }
    for (std::int64_t c = 0; c < logits.columns; ++c) {
      const double log_probability = logits(r, c) - std::log(sum);
      result.loss[static_cast<std::size_t>(r)] -= target(r, c) * log_probability;
      result.dlogits(r, c) = mass * std::exp(log_probability) - target(r, c);
    }
  }
  return result;
}

}  // namespace bertyard::testing
