// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// Sums tensors over the ranks of one node through memory that all of them have mapped: several
// times faster than MPI_Allreduce (docs/performance.md), and always in the order of the ranks.
// Knows nothing of MPI: whoever makes it maps the memory, one segment per rank, which it borrows.
//
// A tensor passes in chunks through three buffers of each segment. In chunk k every rank sums its
// own part of the chunk over all ranks, while the next chunk is brought in:
//   bring(0); meet; for k: { sum(k); bring(k + 1); meet; fetch(k) }
// With three buffers one meeting a chunk is enough: bring(k + 1) writes where chunk k - 2 lay, and
// all ranks have fetched that before the meeting of chunk k - 1.
class SharedMemorySum {
 public:
  // What each rank's segment must hold, a multiple of 4096.
  static std::size_t segment_bytes(int size);

  // `segments`: by rank, 64-byte aligned. Prepares this rank's segment; the caller makes sure that
  // all ranks have come so far before the first sum.
  SharedMemorySum(int rank, std::vector<std::byte*> segments);

  // values[i] = ((rank 0 + rank 1) + rank 2) + ...; every rank makes the same call. Blocks. Throws
  // the same Error on every rank, and changes nothing, when type or elements differ.
  void all_reduce(const TensorView& values);
  // Communicator::reduce_parts_sum and all_gather_parts, in the same order of the ranks and with
  // the same errors. A chunk holds a piece of every part, so that all ranks work at once.
  void reduce_parts(const TensorView& values, std::span<const std::int64_t> cuts);
  void all_gather_parts(const TensorView& values, std::span<const std::int64_t> cuts);

 private:
  // At the start of each segment, written by its rank only.
  struct alignas(64) Header {
    std::atomic<std::uint64_t> meetings{0};
    std::int64_t elements = 0;
    std::int32_t dtype = 0;
  };
  struct Part {
    std::int64_t first = 0;  // element of the tensor
    std::int64_t count = 0;
  };

  Header& header(int rank) const;
  // Where rank `owner` keeps its chunk `chunk`; chunks are counted through all sums.
  std::byte* chunk_buffer(int owner, std::uint64_t chunk) const;
  // The part of a chunk that rank `summer` sums.
  Part part_of(const TensorView& values, std::int64_t chunk, int summer) const;
  std::int64_t chunk_elements(const TensorView& values) const;
  void meet();
  // Notes this rank's call, for the check after the first meeting.
  void announce(const TensorView& values);
  void check_equal_calls() const;
  // Piece `chunk` of rank `owner`'s part; it lies at `owner` times the step in a chunk's buffer.
  std::int64_t piece_elements(const TensorView& values) const;
  Part piece_of(const TensorView& values, std::span<const std::int64_t> cuts, std::int64_t chunk,
                int owner) const;
  std::int64_t pieces(const TensorView& values, std::span<const std::int64_t> cuts) const;
  std::byte* piece_buffer(const TensorView& values, int holder, int owner,
                          std::int64_t chunk) const;
  void bring_pieces(const TensorView& values, std::span<const std::int64_t> cuts,
                    std::int64_t chunk);
  void sum_piece(const TensorView& values, std::span<const std::int64_t> cuts, std::int64_t chunk);
  void bring(const TensorView& values, std::int64_t chunk);
  void sum(const TensorView& values, std::int64_t chunk);
  void fetch(const TensorView& values, std::int64_t chunk);

  int rank_;
  int size_;
  std::vector<std::byte*> segments_;
  std::size_t chunk_bytes_;
  std::uint64_t chunks_done_ = 0;
  std::uint64_t meetings_ = 0;
  std::vector<const void*> sources_;  // of the piece being summed, by rank
};

}  // namespace bertyard
