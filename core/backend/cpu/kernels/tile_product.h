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

inline Vector load(const float* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}
inline void store(float* to, const Vector& vector) {
  __builtin_memcpy(to, &vector, sizeof vector);
}

inline constexpr int kTileRows = kLanes == 16 ? 8 : 4;
inline constexpr int kTileVectors = 2;

enum class Store { overwrite, add };

// c[m, n] = a b, or += with Store::add. Element (i, l) of a is at a[i row_step + l column_step], so
// that a transposed matrix needs no copy; b is [k, n] and c [m, n], rows ldb and ldc floats apart.
struct TileProduct {
  float* c;
  std::int64_t ldc;
  const float* a;
  std::int64_t row_step, column_step;
  const float* b;
  std::int64_t ldb;
  std::int64_t m, n, k;
  Store store = Store::overwrite;
};

template <int kRows, int kVectors>
inline void product_tile(const TileProduct& p, std::int64_t i, std::int64_t j) {
  Vector sum[kRows][kVectors] = {};
  const float* a = p.a + i * p.row_step;
  const float* b = p.b + j;
  for (std::int64_t l = 0; l < p.k; ++l, a += p.column_step, b += p.ldb) {
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float left = a[r * p.row_step];
      for (int v = 0; v < kVectors; ++v) sum[r][v] += left * right[v];
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
inline void product_tail(const TileProduct& p, std::int64_t i, std::int64_t j) {
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

template <int kRows>
inline void product_rows(const TileProduct& p, std::int64_t i) {
  std::int64_t j = 0;
  for (; j + kTileVectors * kLanes <= p.n; j += kTileVectors * kLanes) {
    product_tile<kRows, kTileVectors>(p, i, j);
  }
  for (; j + kLanes <= p.n; j += kLanes) product_tile<kRows, 1>(p, i, j);
  if (j < p.n) product_tail<kRows>(p, i, j);
}

inline void product(const TileProduct& p) {
  std::int64_t i = 0;
  for (; i + kTileRows <= p.m; i += kTileRows) product_rows<kTileRows>(p, i);
  for (; i + 2 <= p.m; i += 2) product_rows<2>(p, i);
  for (; i < p.m; ++i) product_rows<1>(p, i);
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
