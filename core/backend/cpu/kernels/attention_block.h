// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/attention_operands.h"
#include "core/backend/cpu/kernels/philox_rows.h"
#include "core/backend/cpu/kernels/vector_math.h"

// What forward and backward of one attention head share: a block of queries at a time, so that the
// scores stay in the second-level cache.
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

inline constexpr std::int64_t kQueryBlock = 64;
inline constexpr float kInfinity = __builtin_inff();

// Hands out consecutive pieces of a head's scratch, each 64-byte aligned.
struct Scratch {
  float* next;
  template <typename Operand = float>
  Operand* take(std::int64_t count) {
    static_assert(sizeof(Operand) == sizeof(float));
    float* taken = next;
    next += padded(count);
    return reinterpret_cast<Operand*>(taken);
  }
};

// scores[rows, padded L] = q k^T / sqrt(D); q [rows, D].
template <typename Operand>
inline void score_block(float* scores, const Operand* q, const Operand* k_transposed,
                        std::int64_t rows, std::int64_t length, std::int64_t width) {
  const std::int64_t columns = padded(length);
  const std::int64_t inner = width / kPerOperand<Operand>;
  product<Operand>({scores, columns, q, inner, 1, k_transposed, columns, rows, columns, inner});
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
