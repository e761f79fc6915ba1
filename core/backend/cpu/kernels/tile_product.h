// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/instruction_set.h"

// Small single-threaded matrix products for the sizes of one attention head, where a matrix
// library's own packing costs more than it brings. Bound by FMA: a tile of accumulators stays in
// registers over the whole inner dimension.
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

using Vector [[gnu::vector_size(4 * kLanes)]] = float;

// Two neighbours in the inner dimension, bf16, the first one in the lower half.
using Pair = std::uint32_t;
template <typename Operand>
inline constexpr bool kIsPair = false;
template <>
inline constexpr bool kIsPair<Pair> = true;
#ifdef __AVX512BF16__
inline constexpr bool kMultipliesPairs = true;
#else
inline constexpr bool kMultipliesPairs = false;
#endif

template <typename Operand>
using VectorOf [[gnu::vector_size(4 * kLanes)]] = Operand;

template <typename Operand>
inline VectorOf<Operand> load(const Operand* from) {
  VectorOf<Operand> vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}
inline void store(float* to, const Vector& vector) {
  __builtin_memcpy(to, &vector, sizeof vector);
}

inline constexpr int kTileRows = kLanes == 16 ? 8 : 4;
inline constexpr int kTileVectors = 2;

inline void multiply_add(Vector& sum, float left, const Vector& right) {
  sum += left * right;
}
#ifdef __AVX512BF16__
// Both products are added in float; bf16 below the normal range counts as 0. Defined in
// attention_kernels.cpp.
inline void multiply_add(Vector& sum, Pair left, const VectorOf<Pair>& right);
#endif

enum class Store { overwrite, add };

// c[m, n] = a b, or += with Store::add. Element (i, l) of a is at a[i row_step + l column_step], so
// that a transposed matrix needs no copy; b is [k, n] and c [m, n], rows ldb and ldc elements
// apart. With pairs for operands k counts pairs, and n is a multiple of a vector.
template <typename Operand>
struct TileProduct {
  float* c;
  std::int64_t ldc;
  const Operand* a;
  std::int64_t row_step, column_step;
  const Operand* b;
  std::int64_t ldb;
  std::int64_t m, n, k;
  Store store = Store::overwrite;
};

template <int kRows, int kVectors, typename Operand>
inline void product_tile(const TileProduct<Operand>& p, std::int64_t i, std::int64_t j) {
  Vector sum[kRows][kVectors] = {};
  const Operand* a = p.a + i * p.row_step;
  const Operand* b = p.b + j;
  for (std::int64_t l = 0; l < p.k; ++l, a += p.column_step, b += p.ldb) {
    VectorOf<Operand> right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Operand left = a[r * p.row_step];
      for (int v = 0; v < kVectors; ++v) multiply_add(sum[r][v], left, right[v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      float* out = p.c + (i + r) * p.ldc + j + v * kLanes;
      store(out, p.store == Store::add ? load(out) + sum[r][v] : sum[r][v]);
    }
  }
}

// The last columns, fewer than a vector.
template <int kRows>
inline void product_tail(const TileProduct<float>& p, std::int64_t i, std::int64_t j) {
  const std::int64_t count = p.n - j;
  for (int r = 0; r < kRows; ++r) {
    float sum[kLanes] = {};
    const float* a = p.a + (i + r) * p.row_step;
    for (std::int64_t l = 0; l < p.k; ++l) {
      const float left = a[l * p.column_step];
      const float* b = p.b + l * p.ldb + j;
      for (std::int64_t c = 0; c < count; ++c) sum[c] += left * b[c];
    }
    float* out = p.c + (i + r) * p.ldc + j;
    for (std::int64_t c = 0; c < count; ++c) {
      out[c] = p.store == Store::add ? out[c] + sum[c] : sum[c];
    }
  }
}

template <int kRows, typename Operand>
inline void product_rows(const TileProduct<Operand>& p, std::int64_t i) {
  std::int64_t j = 0;
  for (; j + kTileVectors * kLanes <= p.n; j += kTileVectors * kLanes) {
    product_tile<kRows, kTileVectors>(p, i, j);
  }
  for (; j + kLanes <= p.n; j += kLanes) product_tile<kRows, 1>(p, i, j);
  if constexpr (!kIsPair<Operand>) {
    if (j < p.n) product_tail<kRows>(p, i, j);
  }
}

template <typename Operand>
inline void product(const TileProduct<Operand>& p) {
  std::int64_t i = 0;
  for (; i + kTileRows <= p.m; i += kTileRows) product_rows<kTileRows>(p, i);
  for (; i + 2 <= p.m; i += 2) product_rows<2>(p, i);
  for (; i < p.m; ++i) product_rows<1>(p, i);
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
