// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bertyard {

// XXH3, 64 bits: the checksum of every file bertyard writes.
std::uint64_t xxh3(std::span<const std::byte> bytes);
std::uint64_t xxh3(std::string_view text);

// XXH3 over data that arrives in pieces.
class StreamingHash {
 public:
  StreamingHash();
  ~StreamingHash();
  StreamingHash(StreamingHash&&) noexcept;
  StreamingHash& operator=(StreamingHash&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 16 lower-case hexadecimal digits, as manifests write hashes.
std::string hash_text(std::uint64_t hash);
// The inverse; throws DataError when `text` is anything else.
std::uint64_t parse_hash(std::string_view text);

}  // namespace bertyard
