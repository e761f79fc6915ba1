// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bertyard {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// One character of a UTF-8 text. Where the bytes are no UTF-8, `code` is U+FFFD and `bytes` spans
// what one replacement stands for: a maximal subpart, as the Unicode standard (3.9, U+FFFD
// substitution) and Python's errors="replace" have it.
struct DecodedCharacter {
  char32_t code;
  std::uint32_t bytes;
  bool valid;
};

// The first character of `text`, which must not be empty.
DecodedCharacter decode_utf8(std::string_view text);
void append_utf8(char32_t code, std::string& text);
void append_utf8(std::u32string_view codes, std::string& text);

// Whether a byte is one of those after the first of a character.
inline bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
std::size_t count_characters(std::string_view text);
// Whether there are more characters than this; what is short in bytes is not counted.
inline bool is_longer_than(std::string_view text, std::size_t characters) {
  return text.size() > characters && count_characters(text) > characters;
}
// Appends `text` to `output` with every invalid sequence as U+FFFD; returns how many there were.
std::uint64_t append_valid_utf8(std::string_view text, std::string& output);

}  // namespace bertyard
