// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bertyard {

inline constexpr std::size_t kChecksumBlockBytes = std::size_t{1} << 20;

// XXH3 of every 1 MiB block; the last may be shorter.
std::vector<std::uint64_t> block_checksums(std::span<const std::byte> bytes);
// Of a file, read block by block.
std::vector<std::uint64_t> block_checksums(const std::filesystem::path& path);

// Checks the blocks of a mapped file, each when it is first touched. Thread-safe: two threads may
// check the same block, none reads an unchecked one. Borrows the bytes.
class BlockChecker {
 public:
  // With no hashes it accepts everything. Throws DataError when there are not as many hashes as
  // blocks. `name` stands in error messages. `require_same_file` is called around every check and
  // throws when the file is no longer the one that was opened.
  BlockChecker(std::string name, std::span<const std::byte> bytes,
               std::vector<std::uint64_t> hashes,
               std::function<void()> require_same_file = nullptr);

  // Checks the blocks that bytes `begin` to `end` lie in; throws DataError at a difference.
  void require(std::size_t begin, std::size_t end) const {
    if (hashes_.empty() || begin >= end) return;
    const std::size_t first = begin / kChecksumBlockBytes;
    const std::size_t last = (end - 1) / kChecksumBlockBytes;
    for (std::size_t block = first; block <= last; ++block) {
      if (!is_checked(block)) check(block);
    }
  }
  void require_all() const { require(0, bytes_.size()); }

 private:
  bool is_checked(std::size_t block) const {
    const std::uint64_t word = checked_[block / 64].load(std::memory_order_acquire);
    return ((word >> (block % 64)) & 1) != 0;
  }
  void check(std::size_t block) const;

  std::string name_;
  std::span<const std::byte> bytes_;
  std::vector<std::uint64_t> hashes_;
  std::function<void()> require_same_file_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> checked_;  // a bit per block
};

}  // namespace bertyard
