// SPDX-License-Identifier: Apache-2.0
#include "data/files/block_checksums.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"

namespace bertyard {
namespace {

std::size_t block_count(std::size_t bytes) {
  return (bytes + kChecksumBlockBytes - 1) / kChecksumBlockBytes;
}

std::span<const std::byte> block_of(std::span<const std::byte> bytes, std::size_t block) {
  const std::size_t begin = block * kChecksumBlockBytes;
  return bytes.subspan(begin, std::min(kChecksumBlockBytes, bytes.size() - begin));
}

}  // namespace

std::vector<std::uint64_t> block_checksums(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> hashes(block_count(bytes.size()));
  for (std::size_t i = 0; i < hashes.size(); ++i) hashes[i] = xxh3(block_of(bytes, i));
  return hashes;
}

std::vector<std::uint64_t> block_checksums(const std::filesystem::path& path) {
  const FileReader file(path);
  std::vector<std::byte> block(kChecksumBlockBytes);
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t offset = 0;; offset += block.size()) {
    const std::size_t size = file.read_some(offset, block);
    if (size == 0) break;
    hashes.push_back(xxh3(std::span<const std::byte>(block).first(size)));
    if (size < block.size()) break;
  }
  return hashes;
}

BlockChecker::BlockChecker(std::string name, std::span<const std::byte> bytes,
                           std::vector<std::uint64_t> hashes,
                           std::function<void()> require_same_file)
    : name_(std::move(name)),
      bytes_(bytes),
      hashes_(std::move(hashes)),
      require_same_file_(std::move(require_same_file)) {
  if (hashes_.empty()) return;
  if (hashes_.size() != block_count(bytes.size())) {
    throw DataError(fmt::format("{}: the file has {} blocks of 1 MiB, its manifest {} checksums",
                                name_, block_count(bytes.size()), hashes_.size()));
  }
  checked_ = std::make_unique<std::atomic<std::uint64_t>[]>((hashes_.size() + 63) / 64);
}

void BlockChecker::check(std::size_t block) const {
  if (require_same_file_) require_same_file_();
  const std::uint64_t found = xxh3(block_of(bytes_, block));
  if (found == hashes_[block]) {
    checked_[block / 64].fetch_or(std::uint64_t{1} << (block % 64), std::memory_order_release);
    return;
  }
  if (require_same_file_) require_same_file_();
  throw DataError(fmt::format(
      "{}: the file is damaged: bytes {} to {} have checksum {}, the manifest says {}; copy it "
      "again or run prepare again",
      name_, block * kChecksumBlockBytes,
      std::min(bytes_.size(), (block + 1) * kChecksumBlockBytes), hash_text(found),
      hash_text(hashes_[block])));
}

}  // namespace bertyard
