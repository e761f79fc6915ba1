// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "data/tokenizer/wordpiece.h"

namespace bertyard {

// Remembers the pieces of short words: a table in which every word has one place, and the last to
// come holds it. English text finds nine words of ten in it. Two entries lie in a cache line.
class WordCache {
 public:
  static constexpr std::size_t kMaxBytes = 15;
  static constexpr std::size_t kMaxPieces = 3;

  // The bytes of a word with zeros behind them, and its length in the last.
  struct Key {
    std::uint64_t low;
    std::uint64_t high;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key{};
    std::array<std::uint32_t, kMaxPieces> ids{};
    std::array<std::uint8_t, kMaxPieces> ends{};  // of the pieces, in bytes of the word
    std::uint8_t pieces = 0;
  };

  // 2^16 entries are 2 MiB: fewer are nearer to the core, more are hit more often; measured best.
  explicit WordCache(int entry_bits = 16)
      : shift_(64 - entry_bits), entries_(std::size_t{1} << entry_bits) {}

  // The key of text[begin, end), which has 1 to kMaxBytes bytes.
  static Key key(std::string_view text, std::size_t begin, std::size_t end) {
    Key key{};
    const std::size_t size = end - begin;
    if (begin + sizeof key <= text.size()) {  // one load, and what is behind the word masked away
      std::memcpy(&key, text.data() + begin, sizeof key);
      key.low &= size >= 8 ? ~std::uint64_t{0} : first_bytes(size);
      key.high &= size <= 8 ? 0 : first_bytes(size - 8);
    } else {
      std::memcpy(&key, text.data() + begin, size);
    }
    key.high |= static_cast<std::uint64_t>(size) << 56;  // in a register: a byte stored would stall
    return key;
  }

  Entry& entry(const Key& key) { return entries_[place(key)]; }

  static void fill(Entry& entry, const Key& key, std::span<const Piece> pieces) {
    if (pieces.size() > kMaxPieces) return;
    entry.key = key;
    entry.pieces = static_cast<std::uint8_t>(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      entry.ids[i] = pieces[i].id;
      entry.ends[i] = static_cast<std::uint8_t>(pieces[i].end);
    }
  }

 private:
  // Ones in the first `size` bytes in memory; size below 8.
  static std::uint64_t first_bytes(std::size_t size) {
    static_assert(std::endian::native == std::endian::little);
    return (std::uint64_t{1} << (8 * size)) - 1;
  }
  std::size_t place(const Key& key) const {
    const std::uint64_t mixed = key.low * 0x9E3779B97F4A7C15ull ^ key.high * 0xC2B2AE3D27D4EB4Full;
    return static_cast<std::size_t>((mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9ull >> shift_);
  }

  int shift_;
  std::vector<Entry> entries_;
};

}  // namespace bertyard
