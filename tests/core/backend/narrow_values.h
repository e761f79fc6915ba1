// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/tensor/dtype.h"

namespace bertyard::testing {

// Rounding to bf16 and f16 and back, written for the tests: a float's mantissa is cut to nearest
// even, and what is too small for f16's exponent is rounded on a fixed grid.
inline std::uint16_t bf16_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return 0x7FC0;
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
inline std::uint16_t f16_bits(float x) {
  const std::uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const float size = std::fabs(x);
  if (std::isnan(x)) return 0x7E00;
  if (size >= 65520) return sign | 0x7C00;
  int exponent = 0;
  std::frexp(size, &exponent);  // size = f 2^exponent, f in [1/2, 1)
  const int unit = std::max(exponent - 11, -24);
  const auto steps = static_cast<int>(std::nearbyint(std::ldexp(size, -unit)));
  const int bits = unit == -24 ? steps : steps + (unit + 24) * 1024;
  return static_cast<std::uint16_t>(sign | bits);
}
inline float f16_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  float size = exponent == 0    ? std::ldexp(static_cast<float>(mantissa), -24)
               : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

inline std::vector<std::byte> narrowed(const std::vector<float>& x, DType type) {
  std::vector<std::byte> raw(x.size() * size_of(type));
  if (type == DType::f32) {
    std::memcpy(raw.data(), x.data(), raw.size());
    return raw;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint16_t bits = type == DType::bf16 ? bf16_bits(x[i]) : f16_bits(x[i]);
    std::memcpy(raw.data() + 2 * i, &bits, 2);
  }
  return raw;
}
inline std::vector<float> widened(const std::byte* raw, DType type, std::int64_t count) {
  std::vector<float> x(static_cast<std::size_t>(count));
  if (type == DType::f32) {
    std::memcpy(x.data(), raw, x.size() * sizeof(float));
    return x;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, raw + 2 * i, 2);
    x[i] = type == DType::bf16 ? std::bit_cast<float>(std::uint32_t{bits} << 16) : f16_value(bits);
  }
  return x;
}

}  // namespace bertyard::testing
