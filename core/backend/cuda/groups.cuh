// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/warp.cuh"
#include "core/backend/row_math.h"

namespace bertyard {

// Rows are worked on in groups of eight neighbours: a dropout block, and in 16-bit types one access
// of memory.
constexpr int kGroup = 8;

enum class Access { elements, vectors };  // vectors: every group is whole and 16-byte aligned

template <typename T>
__device__ inline void load_group(float (&x)[kGroup], const T* from, int present, Access access) {
  if (access == Access::vectors) {
    constexpr int kEach = Elements16<T>::kCount;
#pragma unroll
    for (int part = 0; part < kGroup / kEach; ++part) {
      const Elements16<T> loaded = load_16(from + part * kEach);
#pragma unroll
      for (int i = 0; i < kEach; ++i) x[part * kEach + i] = to_float(loaded.value[i]);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kGroup; ++i) x[i] = i < present ? to_float(from[i]) : 0.0f;
}

template <typename T>
__device__ inline void store_group(T* to, const float (&x)[kGroup], int present, Access access) {
  if (access == Access::vectors) {
    constexpr int kEach = Elements16<T>::kCount;
#pragma unroll
    for (int part = 0; part < kGroup / kEach; ++part) {
      Elements16<T> stored;
#pragma unroll
      for (int i = 0; i < kEach; ++i) stored.value[i] = from_float<T>(x[part * kEach + i]);
      store_16(to + part * kEach, stored);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kGroup; ++i) {
    if (i < present) to[i] = from_float<T>(x[i]);
  }
}

// Not inlined: ten rounds of Philox in every unrolled group would make kernels of megabytes.
__device__ __attribute__((noinline)) inline std::uint32_t kept_in_group(
    std::uint32_t key_low, std::uint32_t key_high, std::uint32_t counter0, std::uint32_t counter1,
    std::uint32_t counter2, std::uint32_t counter3, std::uint32_t threshold) {
  return kept_bits({key_low, key_high}, {{counter0, counter1, counter2, counter3}}, threshold);
}

__device__ inline void apply_dropout(float (&x)[kGroup], const DropoutDraws& draws,
                                     std::int64_t row, int group) {
  const std::uint32_t kept =
      kept_in_group(draws.key.low, draws.key.high, draws.counter0(row), draws.counter1(row),
                    draws.layer_and_site, static_cast<std::uint32_t>(group), draws.threshold);
#pragma unroll
  for (int i = 0; i < kGroup; ++i) x[i] = (kept >> i & 1u) != 0 ? x[i] * draws.scale : 0.0f;
}

// Elements of group `group` of a row of `columns`; 0 behind its end.
__device__ inline int present_in_group(int group, int columns) {
  const int rest = columns - group * kGroup;
  return rest < 0 ? 0 : rest < kGroup ? rest : kGroup;
}

// Whether rows of `columns` at each of `pointers` (null ones aside) allow Access::vectors.
template <typename... Pointers>
Access access_of(std::int64_t columns, Pointers... pointers) {
  return columns % kGroup == 0 && (allows_16(pointers) && ...) ? Access::vectors : Access::elements;
}

}  // namespace bertyard
