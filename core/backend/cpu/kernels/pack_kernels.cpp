// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/bfloat.h"
#include "core/backend/cpu/kernels/instruction_set.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

constexpr std::int64_t kRows = PairBlocks::kRows;
constexpr std::int64_t kPairs = kRows / 2;
constexpr std::int64_t kColumns = PairBlocks::kColumns;

inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

inline std::uint32_t bits_of(float x) {
  return narrow_bits(x);
}
inline std::uint32_t bits_of(BFloatBits x) {
  return x;
}

inline void clear(std::uint32_t* to, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) to[i] = 0;
}

// Row p of a block is the pairs of two rows of the operand.
template <typename Element>
void pack_rows(const PairStrip<Element>& strip) {
  std::uint32_t* to = strip.to;
  const Element* from = strip.from;
  for (std::int64_t left = strip.rows; left > 0; left -= kRows, from += kRows * strip.stride) {
    for (std::int64_t p = 0; p < kPairs; ++p, to += kColumns) {
      const Element* first = from + 2 * p * strip.stride;
      const Element* second = first + strip.stride;
      const std::int64_t present = smaller(left - 2 * p, 2);
      if (present == 2 && strip.columns == kColumns) {
#pragma omp simd
        for (std::int64_t c = 0; c < kColumns; ++c) {
          to[c] = pair_of(bits_of(first[c]), bits_of(second[c]));
        }
        continue;
      }
      for (std::int64_t c = 0; c < strip.columns && present > 0; ++c) {
        to[c] = pair_of(bits_of(first[c]), present == 2 ? bits_of(second[c]) : 0);
      }
      clear(to, present > 0 ? strip.columns : 0, kColumns);
    }
  }
}

// The operand lies transposed: a column of a block is a run of one of its rows, whose neighbours
// are the pairs already.
inline void narrow_run(BFloatBits* to, const float* from, std::int64_t rows) {
  if (rows == kRows) {
#pragma omp simd
    for (std::int64_t r = 0; r < kRows; ++r) store_narrow(to[r], from[r]);
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r) store_narrow(to[r], from[r]);
}

// Column by column through all blocks: memory is read in long runs.
void pack_columns(const PairStrip<float>& strip) {
  constexpr std::int64_t kBlock = kPairs * kColumns;
  for (std::int64_t c = 0; c < strip.columns; ++c) {
    const float* from = strip.from + c * strip.stride;
    std::uint32_t* to = strip.to + c;
    for (std::int64_t left = strip.rows; left > 0; left -= kRows, from += kRows, to += kBlock) {
      BFloatBits run[kRows] = {};
      narrow_run(run, from, smaller(left, kRows));
      std::uint32_t pairs[kPairs];
      __builtin_memcpy(pairs, run, sizeof pairs);
      for (std::int64_t p = 0; p < kPairs; ++p) to[p * kColumns] = pairs[p];
    }
  }
  const std::int64_t blocks = (strip.rows + kRows - 1) / kRows;
  for (std::int64_t p = 0; p < blocks * kPairs; ++p) {
    clear(strip.to + p * kColumns, strip.columns, kColumns);
  }
}

}  // namespace

PackKernels pack_kernels() {
  return {pack_rows<float>, pack_rows<BFloatBits>, pack_columns};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
