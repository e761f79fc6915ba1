// SPDX-License-Identifier: Apache-2.0
#include "parallel/shared_memory_sum.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "parallel/rank_ordered_sum.h"

namespace bertyard {
namespace {

constexpr std::uint64_t kBuffers = 3;
constexpr std::size_t kPage = 4096;

// Chunks of 512 KiB stay in the last-level cache; with many ranks the whole window is kept at about
// 24 MiB, because containers often have 64 MiB of shared memory.
std::size_t chunk_bytes(int size) {
  const std::size_t share = (std::size_t{24} << 20) / (kBuffers * static_cast<std::size_t>(size));
  return std::clamp(share / kPage * kPage, std::size_t{16} << 10, std::size_t{512} << 10);
}

// Waiting in three steps: a short spin for ranks that are about to come, then giving the core to
// whoever wants it, then sleeping, because the ranks' computing threads need the cores.
class Patience {
 public:
  void pause() {
    ++rounds_;
    if (rounds_ < kSpins) return;
    if (rounds_ < kSpins + kYields) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

 private:
  static constexpr int kSpins = 1000;
  static constexpr int kYields = 200;
  int rounds_ = 0;
};

}  // namespace

std::size_t SharedMemorySum::segment_bytes(int size) {
  return kPage + kBuffers * chunk_bytes(size);
}

SharedMemorySum::SharedMemorySum(int rank, std::vector<std::byte*> segments)
    : rank_(rank),
      size_(static_cast<int>(segments.size())),
      segments_(std::move(segments)),
      chunk_bytes_(chunk_bytes(size_)) {
  sources_.reserve(segments_.size());
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");
  static_assert(sizeof(Header) <= kPage);
  new (segments_[static_cast<std::size_t>(rank_)]) Header;
}

void SharedMemorySum::announce(const TensorView& values) {
  Header& own = header(rank_);
  own.elements = values.elements();
  own.dtype = static_cast<std::int32_t>(values.dtype());
}

void SharedMemorySum::all_reduce(const TensorView& values) {
  announce(values);
  const std::int64_t step = chunk_elements(values);
  const std::int64_t chunks = (values.elements() + step - 1) / step;
  bring(values, 0);
  meet();
  check_equal_calls();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    sum(values, chunk);
    if (chunk + 1 < chunks) bring(values, chunk + 1);
    meet();
    fetch(values, chunk);
  }
  chunks_done_ += static_cast<std::uint64_t>(chunks);
}

SharedMemorySum::Header& SharedMemorySum::header(int rank) const {
  return *std::launder(reinterpret_cast<Header*>(segments_[static_cast<std::size_t>(rank)]));
}

std::byte* SharedMemorySum::chunk_buffer(int owner, std::uint64_t chunk) const {
  return segments_[static_cast<std::size_t>(owner)] + kPage + chunk % kBuffers * chunk_bytes_;
}

std::int64_t SharedMemorySum::chunk_elements(const TensorView& values) const {
  return static_cast<std::int64_t>(chunk_bytes_ / size_of(values.dtype()));
}

SharedMemorySum::Part SharedMemorySum::part_of(const TensorView& values, std::int64_t chunk,
                                               int summer) const {
  // Parts begin at whole cache lines, so that no two ranks write to one.
  constexpr std::int64_t kLine = 64;
  const std::int64_t step = chunk_elements(values);
  const std::int64_t begin = chunk * step;
  const std::int64_t length = std::min(step, values.elements() - begin);
  const auto cut = [&](int part) {
    if (part == size_) return length;
    return length * part / size_ / kLine * kLine;
  };
  return {begin + cut(summer), cut(summer + 1) - cut(summer)};
}

void SharedMemorySum::meet() {
  ++meetings_;
  header(rank_).meetings.store(meetings_, std::memory_order_release);
  for (int rank = 0; rank < size_; ++rank) {
    Patience patience;
    while (header(rank).meetings.load(std::memory_order_acquire) < meetings_) patience.pause();
  }
}

void SharedMemorySum::check_equal_calls() const {
  const Header& first = header(0);
  for (int rank = 1; rank < size_; ++rank) {
    const Header& other = header(rank);
    BERTYARD_CHECK(other.elements == first.elements && other.dtype == first.dtype,
                   fmt::format("communicator: rank 0 sums {} elements of {}, but rank {} sums {} "
                               "of {}; all ranks must make the same calls",
                               first.elements, name_of(static_cast<DType>(first.dtype)), rank,
                               other.elements, name_of(static_cast<DType>(other.dtype))));
  }
}

// The parts that other ranks sum; one's own is summed where it lies.
void SharedMemorySum::bring(const TensorView& values, std::int64_t chunk) {
  const std::size_t width = size_of(values.dtype());
  const std::int64_t begin = chunk * chunk_elements(values);
  std::byte* buffer = chunk_buffer(rank_, chunks_done_ + static_cast<std::uint64_t>(chunk));
  for (int summer = 0; summer < size_; ++summer) {
    if (summer == rank_) continue;
    const Part part = part_of(values, chunk, summer);
    std::memcpy(
        buffer + static_cast<std::size_t>(part.first - begin) * width,
        static_cast<const std::byte*>(values.data()) + static_cast<std::size_t>(part.first) * width,
        static_cast<std::size_t>(part.count) * width);
  }
}

void SharedMemorySum::sum(const TensorView& values, std::int64_t chunk) {
  const std::size_t width = size_of(values.dtype());
  const Part part = part_of(values, chunk, rank_);
  const std::size_t offset =
      static_cast<std::size_t>(part.first - chunk * chunk_elements(values)) * width;
  std::byte* own =
      static_cast<std::byte*>(values.data()) + static_cast<std::size_t>(part.first) * width;
  sources_.clear();
  for (int rank = 0; rank < size_; ++rank) {
    sources_.push_back(rank == rank_
                           ? own
                           : chunk_buffer(rank, chunks_done_ + static_cast<std::uint64_t>(chunk)) +
                                 offset);
  }
  rank_ordered_sum(own, sources_, values.dtype(), part.count);
  std::memcpy(chunk_buffer(rank_, chunks_done_ + static_cast<std::uint64_t>(chunk)) + offset, own,
              static_cast<std::size_t>(part.count) * width);
}

void SharedMemorySum::fetch(const TensorView& values, std::int64_t chunk) {
  const std::size_t width = size_of(values.dtype());
  const std::int64_t begin = chunk * chunk_elements(values);
  for (int summer = 0; summer < size_; ++summer) {
    if (summer == rank_) continue;
    const Part part = part_of(values, chunk, summer);
    std::memcpy(
        static_cast<std::byte*>(values.data()) + static_cast<std::size_t>(part.first) * width,
        chunk_buffer(summer, chunks_done_ + static_cast<std::uint64_t>(chunk)) +
            static_cast<std::size_t>(part.first - begin) * width,
        static_cast<std::size_t>(part.count) * width);
  }
}

}  // namespace bertyard
