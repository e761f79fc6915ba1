// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/files/block_checksums.h"

namespace bertyard {

// One dataset of an open shard: in the mapped file, whose blocks are checked when touched, or,
// where it could not be mapped, in memory of its own. Borrows the mapping and its checker.
template <typename T>
class ShardColumn {
 public:
  ShardColumn() = default;
  ShardColumn(std::span<const T> mapped, std::size_t file_offset, const BlockChecker* checker)
      : values_(mapped), file_offset_(file_offset), checker_(checker) {}
  explicit ShardColumn(std::vector<T> owned) : owned_(std::move(owned)), values_(owned_) {}
  ShardColumn(ShardColumn&&) noexcept = default;
  ShardColumn& operator=(ShardColumn&&) noexcept = default;

  std::uint64_t size() const { return values_.size(); }
  T at(std::uint64_t index) const { return slice(index, 1)[0]; }
  // The range must lie within size().
  std::span<const T> slice(std::uint64_t first, std::uint64_t count) const {
    if (checker_ != nullptr) {
      checker_->require(file_offset_ + first * sizeof(T),
                        file_offset_ + (first + count) * sizeof(T));
    }
    return values_.subspan(first, count);
  }
  // Asks for the cache lines of a range; what lies beyond size() is left out.
  void prefetch(std::uint64_t first, std::uint64_t count) const {
    if (first >= size() || count == 0) return;
    const auto range = std::as_bytes(values_.subspan(first, std::min(count, size() - first)));
    for (std::size_t at = 0; at < range.size(); at += 64) prefetch_line(range.data() + at);
    prefetch_line(&range.back());  // the range need not begin where a line does
  }

 private:
  static void prefetch_line(const std::byte* place) {
    __builtin_prefetch(place);
    // GCC takes a function that only prefetches for one without effects and drops its calls.
    asm volatile("");
  }

  std::vector<T> owned_;  // a moved vector keeps its memory, so values_ stays right
  std::span<const T> values_;
  std::size_t file_offset_ = 0;
  const BlockChecker* checker_ = nullptr;
};

}  // namespace bertyard
