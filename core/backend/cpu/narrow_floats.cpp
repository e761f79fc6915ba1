// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/narrow_floats.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace bertyard {

BFloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  const std::uint32_t odd = bits >> 16 & 1u;
  return {static_cast<std::uint16_t>((bits + 0x7FFFu + odd) >> 16)};
}

float to_float(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

Float16 to_float16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return {static_cast<std::uint16_t>(sign | 0x7E00u)};
  if (magnitude >= 65520.0f) return {static_cast<std::uint16_t>(sign | 0x7C00u)};
  if (magnitude < 0x1p-14f) {
    // Subnormal: the sum with 0.5 leaves the rounded multiple of 2^-24 in the low bits.
    const auto sum = std::bit_cast<std::uint32_t>(magnitude + 0.5f);
    return {static_cast<std::uint16_t>(sign | (sum - 0x3F000000u))};
  }
  const std::uint32_t unsigned_bits = bits & 0x7FFFFFFFu;
  const std::uint32_t odd = unsigned_bits >> 13 & 1u;
  const std::uint32_t rounded = unsigned_bits + 0xFFFu + odd - (112u << 23);
  return {static_cast<std::uint16_t>(sign | rounded >> 13)};
}

float to_float(Float16 value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = value.bits >> 10 & 0x1Fu;
  const std::uint32_t fraction = value.bits & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFu : exponent + 112u;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace bertyard
