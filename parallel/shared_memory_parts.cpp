// SPDX-License-Identifier: Apache-2.0
// The halves of a sum over ranks, for sharded optimizers.
#include <algorithm>
#include <cstring>

#include "parallel/rank_ordered_sum.h"
#include "parallel/shared_memory_sum.h"

namespace bertyard {
namespace {

std::byte* element(const TensorView& values, std::int64_t index) {
  return static_cast<std::byte*>(values.data()) +
         static_cast<std::size_t>(index) * size_of(values.dtype());
}

std::size_t bytes_of(const TensorView& values, std::int64_t count) {
  return static_cast<std::size_t>(count) * size_of(values.dtype());
}

}  // namespace

std::int64_t SharedMemorySum::piece_elements(const TensorView& values) const {
  constexpr std::int64_t kLine = 64;  // no two ranks write to one cache line, where there is room
  const std::int64_t share = std::max<std::int64_t>(chunk_elements(values) / size_, 1);
  return share < kLine ? share : share / kLine * kLine;
}

SharedMemorySum::Part SharedMemorySum::piece_of(const TensorView& values,
                                                std::span<const std::int64_t> cuts,
                                                std::int64_t chunk, int owner) const {
  const auto part = static_cast<std::size_t>(owner);
  const std::int64_t step = piece_elements(values);
  const std::int64_t first = std::min(cuts[part] + chunk * step, cuts[part + 1]);
  return {first, std::min(step, cuts[part + 1] - first)};
}

std::int64_t SharedMemorySum::pieces(const TensorView& values,
                                     std::span<const std::int64_t> cuts) const {
  std::int64_t longest = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    longest = std::max(longest, cuts[i + 1] - cuts[i]);
  }
  return (longest + piece_elements(values) - 1) / piece_elements(values);
}

std::byte* SharedMemorySum::piece_buffer(const TensorView& values, int holder, int owner,
                                         std::int64_t chunk) const {
  return chunk_buffer(holder, chunks_done_ + static_cast<std::uint64_t>(chunk)) +
         bytes_of(values, owner * piece_elements(values));
}

void SharedMemorySum::bring_pieces(const TensorView& values, std::span<const std::int64_t> cuts,
                                   std::int64_t chunk) {
  for (int owner = 0; owner < size_; ++owner) {
    if (owner == rank_) continue;
    const Part piece = piece_of(values, cuts, chunk, owner);
    std::memcpy(piece_buffer(values, rank_, owner, chunk), element(values, piece.first),
                bytes_of(values, piece.count));
  }
}

void SharedMemorySum::sum_piece(const TensorView& values, std::span<const std::int64_t> cuts,
                                std::int64_t chunk) {
  const Part piece = piece_of(values, cuts, chunk, rank_);
  std::byte* own = element(values, piece.first);
  sources_.clear();
  for (int rank = 0; rank < size_; ++rank) {
    sources_.push_back(rank == rank_ ? own : piece_buffer(values, rank, rank_, chunk));
  }
  rank_ordered_sum(own, sources_, values.dtype(), piece.count);
}

// As all_reduce(), but nothing is fetched: bring(0); meet; for k: { sum(k); bring(k + 1); meet }.
void SharedMemorySum::reduce_parts(const TensorView& values, std::span<const std::int64_t> cuts) {
  announce(values);
  const std::int64_t chunks = pieces(values, cuts);
  bring_pieces(values, cuts, 0);
  meet();
  check_equal_calls();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    sum_piece(values, cuts, chunk);
    if (chunk + 1 < chunks) bring_pieces(values, cuts, chunk + 1);
    meet();
  }
  chunks_done_ += static_cast<std::uint64_t>(chunks);
}

// put(0); meet; for k: { put(k + 1); fetch(k); meet }: put(k + 1) writes where chunk k - 2 lay.
void SharedMemorySum::all_gather_parts(const TensorView& values,
                                       std::span<const std::int64_t> cuts) {
  announce(values);
  const std::int64_t chunks = pieces(values, cuts);
  const auto put = [&](std::int64_t chunk) {
    const Part piece = piece_of(values, cuts, chunk, rank_);
    std::memcpy(piece_buffer(values, rank_, rank_, chunk), element(values, piece.first),
                bytes_of(values, piece.count));
  };
  put(0);
  meet();
  check_equal_calls();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    if (chunk + 1 < chunks) put(chunk + 1);
    for (int owner = 0; owner < size_; ++owner) {
      if (owner == rank_) continue;
      const Part piece = piece_of(values, cuts, chunk, owner);
      std::memcpy(element(values, piece.first), piece_buffer(values, owner, owner, chunk),
                  bytes_of(values, piece.count));
    }
    meet();
  }
  chunks_done_ += static_cast<std::uint64_t>(chunks);
}

}  // namespace bertyard
