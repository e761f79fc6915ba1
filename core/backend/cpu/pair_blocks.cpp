// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/pair_blocks.h"

#include <algorithm>

namespace bertyard {
namespace {

constexpr std::int64_t kColumns = PairBlocks::kColumns;
constexpr std::int64_t kBlockPairs = PairBlocks::kRows / 2 * kColumns;
// Rows of a piece: runs of whole cache lines of a transposed operand, and enough pieces for many
// threads.
constexpr std::int64_t kPieceRows = 8 * PairBlocks::kRows;

std::int64_t pieces(std::int64_t count, std::int64_t piece) {
  return (count + piece - 1) / piece;
}

// Strips are cut into pieces of whole blocks, which threads share out.
template <typename Element>
void pack(std::uint32_t* to, const MatrixOperand& b, std::int64_t k, std::int64_t n,
          void (*kernel)(const PairStrip<Element>&), int threads) {
  const auto* from = static_cast<const Element*>(b.data);
  const bool flip = b.transpose == Transpose::yes;
  const std::int64_t strip_pairs = pieces(k, PairBlocks::kRows) * kBlockPairs;
  const std::int64_t strips = pieces(n, kColumns);
  const std::int64_t of_strip = pieces(k, kPieceRows);
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
  for (std::int64_t s = 0; s < strips; ++s) {
    for (std::int64_t piece = 0; piece < of_strip; ++piece) {
      const std::int64_t column = s * kColumns;
      const std::int64_t row = piece * kPieceRows;
      kernel({.to = to + s * strip_pairs + row / PairBlocks::kRows * kBlockPairs,
              .from = from + (flip ? column * b.leading + row : row * b.leading + column),
              .stride = b.leading,
              .rows = std::min(k - row, kPieceRows),
              .columns = std::min(n - column, kColumns)});
    }
  }
}

}  // namespace

bool packs_pairs(const MatrixOperand& b) {
  return b.dtype == DType::f32 || (b.dtype == DType::bf16 && b.transpose == Transpose::no);
}

void pack_pairs(void* to, const MatrixOperand& b, std::int64_t k, std::int64_t n,
                const PackKernels& kernels, int threads) {
  auto* pairs = static_cast<std::uint32_t*>(to);
  if (b.dtype == DType::bf16) {
    pack<BFloatBits>(pairs, b, k, n, kernels.narrow_rows, threads);
  } else if (b.transpose == Transpose::yes) {
    pack<float>(pairs, b, k, n, kernels.columns, threads);
  } else {
    pack<float>(pairs, b, k, n, kernels.rows, threads);
  }
}

}  // namespace bertyard
