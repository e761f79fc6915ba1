// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/instruction_set.h"

// Branch-free float functions that vectorise inside `omp simd` loops. Polynomials are minimax fits
// (iteratively reweighted least squares in Chebyshev form); the error stated is of the whole
// function in float against double.
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

// The bound comes first: a NaN in x then stays a NaN.
inline float at_least(float bound, float x) {
  return bound > x ? bound : x;
}
inline float at_most(float bound, float x) {
  return bound < x ? bound : x;
}

// Relative error below 2e-7 on [-87, 88]; 0 below, e^88 above.
inline float fast_exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float bounded = at_most(88.0f, at_least(-87.0f, x));
  const float shifted = bounded * 1.44269504f + kRound;
  const float power = shifted - kRound;
  const float r = (bounded - power * 0.693359375f) + power * 2.12194440e-4f;
  float p = 1.3950491e-03f;
  p = p * r + 8.3688894e-03f;
  p = p * r + 4.16662058e-02f;
  p = p * r + 1.666651884e-01f;
  p = p * r + 0.5f;
  p = (p * r) * r + r + 1.0f;
  const auto exponent = (static_cast<std::uint32_t>(static_cast<std::int32_t>(power)) + 127u) << 23;
  const float result = p * __builtin_bit_cast(float, exponent);
  return x < -87.0f ? 0.0f : result;
}

// Absolute error below 1.2e-7; relative below 3e-7.
inline float fast_tanh(float x) {
  const float s = x * x;
  float p = -5.6039138e-03f;
  p = p * s + 2.05517192e-02f;
  p = p * s - 5.37141073e-02f;
  p = p * s + 1.333115281e-01f;
  p = p * s - 3.333327208e-01f;
  const float near_zero = x + x * s * p;
  const float magnitude = __builtin_fabsf(x);
  const float far = 1.0f - 2.0f / (fast_exp(2.0f * at_most(20.0f, magnitude)) + 1.0f);
  return magnitude < 0.63f ? near_zero : __builtin_copysignf(far, x);
}

// erf: a polynomial in x^2 below 1, 1 - exp(polynomial) above. Absolute error below 1.2e-7.
inline float fast_erf(float x) {
  const float s = x * x;
  float p = 7.88912274e-05f;
  p = p * s - 8.02084224e-04f;
  p = p * s + 5.18953545e-03f;
  p = p * s - 2.68544446e-02f;
  p = p * s + 1.12836002e-01f;
  p = p * s - 3.76126271e-01f;
  p = p * s + 1.1283791659e+00f;
  const float t = at_most(4.1f, __builtin_fabsf(x));
  float q = -2.16867564e-05f;
  q = q * t + 4.41335210e-04f;
  q = q * t - 4.20455576e-03f;
  q = q * t + 2.52082393e-02f;
  q = q * t - 1.08418548e-01f;
  q = q * t - 6.33219922e-01f;
  q = q * t - 1.12957841e+00f;
  q = q * t + 1.88036663e-04f;
  return t < 1.0f ? p * x : __builtin_copysignf(1.0f - fast_exp(q), x);
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
