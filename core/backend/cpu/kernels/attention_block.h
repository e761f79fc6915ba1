// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/bfloat.h"
#include "core/backend/cpu/kernels/philox_rows.h"
#include "core/backend/cpu/kernels/tile_product.h"
#include "core/backend/cpu/kernels/vector_math.h"

// What forward and backward of one attention head share: a block of queries at a time, so that the
// scores stay in the second-level cache.
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

inline constexpr std::int64_t kQueryBlock = 64;
inline constexpr float kInfinity = __builtin_inff();

inline std::int64_t padded(std::int64_t n) {
  return (n + 15) / 16 * 16;
}

// Hands out consecutive pieces of a head's scratch, each 64-byte aligned.
struct Scratch {
  float* next;
  float* take(std::int64_t floats) {
    float* taken = next;
    next += padded(floats);
    return taken;
  }
};

// to[n, D] = from, whose rows are `stride` apart.
template <typename Element>
inline void pack_rows(float* to, const Element* from, std::int64_t n, std::int64_t width,
                      std::int64_t stride) {
  for (std::int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) to[i * width + d] = wide(from[i * stride + d]);
  }
}

template <typename Element>
inline void unpack_rows(Element* to, const float* from, std::int64_t n, std::int64_t width,
                        std::int64_t stride) {
  for (std::int64_t i = 0; i < n; ++i) {
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) store_narrow(to[i * stride + d], from[i * width + d]);
  }
}

// to[D, padded n] = from transposed; the padding columns are 0.
template <typename Element>
inline void pack_transposed(float* to, const Element* from, std::int64_t n, std::int64_t width,
                            std::int64_t stride) {
  const std::int64_t columns = padded(n);
  for (std::int64_t d = 0; d < width; ++d) {
    for (std::int64_t i = n; i < columns; ++i) to[d * columns + i] = 0.0f;
  }
  constexpr std::int64_t kBlock = 16;
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t end = first + kBlock < n ? first + kBlock : n;
    for (std::int64_t d = 0; d < width; ++d) {
      for (std::int64_t i = first; i < end; ++i) {
        to[d * columns + i] = wide(from[i * stride + d]);
      }
    }
  }
}

// scores[rows, padded L] = q k^T / sqrt(D); q [rows, D].
inline void score_block(float* scores, const float* q, const float* k_transposed, std::int64_t rows,
                        std::int64_t length, std::int64_t width) {
  const std::int64_t columns = padded(length);
  product({scores, columns, q, width, 1, k_transposed, columns, rows, columns, width});
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(width));
#pragma omp simd
  for (std::int64_t i = 0; i < rows * columns; ++i) scores[i] *= scale;
}

// 0 where a key may be seen, -inf where not, padding included.
template <typename Element>
inline void key_bias(float* bias, const AttentionHead<Element>& head) {
  const std::int64_t columns = padded(head.length);
  for (std::int64_t j = 0; j < columns; ++j) {
    const bool hidden = j >= head.length || (head.key_mask != nullptr && head.key_mask[j] != 0);
    bias[j] = hidden ? -kInfinity : 0.0f;
  }
}

template <typename Element>
inline std::int64_t visible_keys(const AttentionHead<Element>& head, std::int64_t query) {
  return head.causal ? query + 1 : head.length;
}

// The dropout factors of a query's probabilities, where there is dropout.
template <typename Element>
inline void query_factors(float* factor, const AttentionHead<Element>& head, std::int64_t query) {
  const std::int64_t columns = padded(head.length);
  DropoutRow row = head.dropout;
  row.counter[0] = static_cast<std::uint32_t>(head.sample[query]);
  row.counter[1] = static_cast<std::uint32_t>(head.sample[query] >> 32 << 16) |
                   static_cast<std::uint32_t>(head.position + query);
  dropout_factors(factor, row, head.position, head.length);
  for (std::int64_t j = head.length; j < columns; ++j) factor[j] = 0.0f;
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
