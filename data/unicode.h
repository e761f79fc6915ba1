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

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
std::size_t count_characters(std::string_view text);
// Appends `text` to `output` with every invalid sequence as U+FFFD; returns how many there were.
std::uint64_t append_valid_utf8(std::string_view text, std::string& output);

// Character classes as google-research/bert's tokenization.py has them: tab, line feed and carriage
// return are whitespace and no controls; controls are Cc and Cf; punctuation is every ASCII
// character that is neither letter, digit, space nor control, and P*; CJK is eight blocks of
// ideographs (no kana, no Hangul).
bool is_whitespace(char32_t code);
bool is_control(char32_t code);
bool is_punctuation(char32_t code);
bool is_cjk_ideograph(char32_t code);

bool is_letter_or_digit(char32_t code);
bool is_digit(char32_t code);
bool is_lower_case(char32_t code);

// Full lower case of a word as Python's str.lower has it: U+0130 becomes two characters, and a
// capital sigma its final form where no letter follows it.
void lower_case(std::u32string_view word, std::u32string& lowered);
// Canonical decomposition (NFD) of a word, less its non-spacing marks (Mn).
void strip_accents(std::u32string_view word, std::u32string& stripped);

}  // namespace bertyard
