// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "core/backend/activation.h"
#include "core/base/host_device.h"
#include "core/base/philox.h"

namespace bertyard {

// The arithmetic of one element or one row, in f32, that kernels on a GPU and tests on the host
// share; layer_ops.h and update_ops.h have the formulas.

BERTYARD_HOST_DEVICE inline float activated(Activation activation, float x) {
  constexpr float kSqrtTwoOverPi = 0.7978845608f, kCubic = 0.044715f;
  switch (activation) {
    case Activation::identity:
      return x;
    case Activation::gelu_tanh:
      return 0.5f * x * (1.0f + tanhf(kSqrtTwoOverPi * (x + kCubic * x * x * x)));
    case Activation::gelu_erf:
      return 0.5f * x * (1.0f + erff(x * 0.7071067812f));
    case Activation::tanh:
      return tanhf(x);
  }
  return x;
}

// The derivative of activated() at x.
BERTYARD_HOST_DEVICE inline float activation_gradient_at(Activation activation, float x) {
  constexpr float kSqrtTwoOverPi = 0.7978845608f, kCubic = 0.044715f;
  switch (activation) {
    case Activation::identity:
      return 1.0f;
    case Activation::gelu_tanh: {
      const float t = tanhf(kSqrtTwoOverPi * (x + kCubic * x * x * x));
      const float inner = kSqrtTwoOverPi * (1.0f + 3.0f * kCubic * x * x);
      return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
    }
    case Activation::gelu_erf:
      return 0.5f * (1.0f + erff(x * 0.7071067812f)) + x * 0.3989422804f * expf(-0.5f * x * x);
    case Activation::tanh: {
      const float t = tanhf(x);
      return 1.0f - t * t;
    }
  }
  return 1.0f;
}

// A Dropout as kernels take it, by value.
struct DropoutDraws {
  PhiloxKey key;
  std::uint32_t layer_and_site = 0;
  std::uint32_t threshold = 0;  // kept where the 16-bit draw is at least this; 0: the identity
  float scale = 1;              // 1 / (1 - p)
  const std::uint64_t* sample = nullptr;   // [T]
  const std::int32_t* position = nullptr;  // [T]

  // Words 0 and 1 of a token's counter.
  BERTYARD_HOST_DEVICE std::uint32_t counter0(std::int64_t token) const {
    return static_cast<std::uint32_t>(sample[token]);
  }
  BERTYARD_HOST_DEVICE std::uint32_t counter1(std::int64_t token) const {
    return static_cast<std::uint32_t>(sample[token] >> 32) << 16 |
           static_cast<std::uint32_t>(position[token]);
  }
};

// Bit e: whether element 8 block + e is kept.
BERTYARD_HOST_DEVICE inline std::uint32_t kept_bits(PhiloxKey key, const PhiloxBlock& counter,
                                                    std::uint32_t threshold) {
  const PhiloxBlock draws = philox4x32(key, counter);
  std::uint32_t bits = 0;
  for (int w = 0; w < 4; ++w) {
    bits |= ((draws.word[w] & 0xFFFFu) >= threshold ? 1u : 0u) << (2 * w);
    bits |= ((draws.word[w] >> 16) >= threshold ? 1u : 0u) << (2 * w + 1);
  }
  return bits;
}

// 1 / sqrt(var + epsilon) from sums over a row of n: of what is left after the mean was taken off,
// and of its squares. `mean` gets the rest of the mean added (the corrected two-pass algorithm of
// Chan et al. 1983).
BERTYARD_HOST_DEVICE inline float norm_rstd(float& mean, float rest, float squares, float n,
                                            float epsilon) {
  const float correction = rest / n;
  const float variance = squares / n - correction * correction;
  mean += correction;
  const float bounded = variance < 0 ? 0 : variance;  // a NaN stays one
  return 1.0f / sqrtf(bounded + epsilon);
}

// dz = rstd (g - mean g - normalised mean(g normalised)), g = dy gamma.
BERTYARD_HOST_DEVICE inline float norm_gradient(float g, float normalised, float mean_g,
                                                float mean_gn, float rstd) {
  return rstd * (g - mean_g - normalised * mean_gn);
}

// log sum exp of some elements, in the making: sum of exp(x - maximum), and where the greatest
// stands, the first of equals.
struct LogSumExp {
  float maximum, sum;
  std::int32_t first;

  BERTYARD_HOST_DEVICE static LogSumExp of_nothing() { return {-3.402823466e38f, 0, INT32_MAX}; }
  // Elements must come in rising order of `index`.
  BERTYARD_HOST_DEVICE void add(std::int32_t index, float x) {
    if (x > maximum || first == INT32_MAX) {
      sum *= x > maximum ? expf(maximum - x) : 1.0f;
      maximum = x > maximum ? x : maximum;
      first = index;
    }
    sum += expf(x - maximum);
  }
  BERTYARD_HOST_DEVICE void merge(const LogSumExp& other) {
    const float greatest = other.maximum > maximum ? other.maximum : maximum;
    sum = sum * expf(maximum - greatest) + other.sum * expf(other.maximum - greatest);
    if (other.maximum > maximum || (other.maximum == maximum && other.first < first)) {
      first = other.first;
    }
    maximum = greatest;
  }
  BERTYARD_HOST_DEVICE float value() const { return maximum + logf(sum); }
};

}  // namespace bertyard
