// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/instruction_set.h"

// Elements of activations, float or bf16, read and written as floats.
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

inline float wide(float x) {
  return x;
}
inline float wide(BFloatBits x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x) << 16);
}

inline void store_narrow(float& to, float x) {
  to = x;
}
// To nearest even. Adding the rounding term would turn a NaN of small payload into infinity.
inline std::uint32_t narrow_bits(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  const std::uint32_t quiet = bits >> 16 | 0x40u;
  return (bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded;
}
inline void store_narrow(BFloatBits& to, float x) {
  to = static_cast<BFloatBits>(narrow_bits(x));
}

// Two neighbours, the first one in the lower half.
inline std::uint32_t pair_of(std::uint32_t first, std::uint32_t second) {
  return first | second << 16;
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
