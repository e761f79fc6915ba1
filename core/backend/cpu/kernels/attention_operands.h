// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/bfloat.h"
#include "core/backend/cpu/kernels/tile_product.h"

// Operands of an attention head's products, packed. An operand is a float, or, for activations in
// bf16 where the processor multiplies them, a Pair of neighbours in the inner dimension. A matrix
// [n, D] has three forms:
//   rows        [n, D / e]         e = kPerOperand: 1 or 2 elements
//   transposed  [D / e, padded n]  the padding columns are 0
//   layers      [ceil(n / e), D]   a missing last row is 0
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

template <typename Operand>
inline constexpr std::int64_t kPerOperand = kIsPair<Operand> ? 2 : 1;

inline std::int64_t padded(std::int64_t n) {
  return (n + 15) / 16 * 16;
}

template <typename Operand>
inline std::int64_t layers(std::int64_t rows) {
  return (rows + kPerOperand<Operand> - 1) / kPerOperand<Operand>;
}

// A matrix in memory, float or bf16, its rows `stride` elements apart.
template <typename Element>
struct StridedRows {
  const Element* data;
  std::int64_t n, width, stride;
};

template <typename Element>
inline void pack_rows(float* to, const StridedRows<Element>& from) {
  for (std::int64_t i = 0; i < from.n; ++i) {
    const Element* row = from.data + i * from.stride;
#pragma omp simd
    for (std::int64_t d = 0; d < from.width; ++d) to[i * from.width + d] = wide(row[d]);
  }
}
inline void pack_rows(Pair* to, const StridedRows<BFloatBits>& from) {
  const std::int64_t pairs = from.width / 2;
  for (std::int64_t i = 0; i < from.n; ++i) {
    __builtin_memcpy(to + i * pairs, from.data + i * from.stride,
                     static_cast<std::size_t>(pairs) * sizeof(Pair));
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

template <typename Element>
inline void read_operand(float& to, const Element* from) {
  to = wide(*from);
}
inline void read_operand(Pair& to, const BFloatBits* from) {
  __builtin_memcpy(&to, from, sizeof to);
}

template <typename Operand, typename Element>
inline void pack_transposed(Operand* to, const StridedRows<Element>& from) {
  const std::int64_t columns = padded(from.n);
  const std::int64_t height = from.width / kPerOperand<Operand>;
  for (std::int64_t d = 0; d < height; ++d) {
    for (std::int64_t i = from.n; i < columns; ++i) to[d * columns + i] = 0;
  }
  constexpr std::int64_t kBlock = 16;
  for (std::int64_t first = 0; first < from.n; first += kBlock) {
    const std::int64_t end = first + kBlock < from.n ? first + kBlock : from.n;
    for (std::int64_t d = 0; d < height; ++d) {
      const Element* column = from.data + d * kPerOperand<Operand>;
      for (std::int64_t i = first; i < end; ++i) {
        read_operand(to[d * columns + i], column + i * from.stride);
      }
    }
  }
}

template <typename Element>
inline void pack_layers(float* to, const StridedRows<Element>& from) {
  pack_rows(to, from);
}
inline void pack_layers(Pair* to, const StridedRows<BFloatBits>& from) {
  for (std::int64_t i = 0; i < from.n; i += 2, to += from.width) {
    const BFloatBits* first = from.data + i * from.stride;
    if (i + 1 == from.n) {
#pragma omp simd
      for (std::int64_t d = 0; d < from.width; ++d) to[d] = first[d];
      break;
    }
    const BFloatBits* second = first + from.stride;
#pragma omp simd
    for (std::int64_t d = 0; d < from.width; ++d) to[d] = pair_of(first[d], second[d]);
  }
}

// Scores, float, as rows; `memory` is used where they are not that already.
inline const float* as_rows(float* /*memory*/, const float* scores, std::int64_t /*rows*/,
                            std::int64_t /*columns*/) {
  return scores;
}
inline const Pair* as_rows(Pair* memory, const float* scores, std::int64_t rows,
                           std::int64_t columns) {
#pragma omp simd
  for (std::int64_t i = 0; i < rows * columns / 2; ++i) {
    memory[i] = pair_of(narrow_bits(scores[2 * i]), narrow_bits(scores[2 * i + 1]));
  }
  return memory;
}

// Rows as layers.
inline const float* as_layers(float* /*memory*/, const float* rows_form, std::int64_t /*rows*/,
                              std::int64_t /*columns*/) {
  return rows_form;
}
inline const Pair* as_layers(Pair* memory, const Pair* rows_form, std::int64_t rows,
                             std::int64_t columns) {
  const std::int64_t pairs = columns / 2;
  for (std::int64_t i = 0; i < rows; i += 2) {
    Pair* to = memory + i / 2 * columns;
    const Pair* first = rows_form + i * pairs;
    const Pair* second = first + pairs;
    const Pair present = i + 1 < rows ? 0xFFFFFFFFu : 0u;
    if (present == 0) second = first;
#pragma omp simd
    for (std::int64_t c = 0; c < pairs; ++c) {
      const Pair below = second[c] & present;
      to[2 * c] = pair_of(first[c] & 0xFFFFu, below);
      to[2 * c + 1] = first[c] >> 16 | (below & 0xFFFF0000u);
    }
  }
  return memory;
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
