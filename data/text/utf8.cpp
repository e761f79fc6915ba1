// SPDX-License-Identifier: Apache-2.0
#include "data/text/utf8.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bertyard {
namespace {

// The bounds of the second byte keep out overlong forms, surrogates and what lies above U+10FFFF
// (Unicode standard, table 3-7).
struct LeadByte {
  std::uint32_t length;
  unsigned char second_min;
  unsigned char second_max;
};

LeadByte lead_byte(unsigned char byte) {
  if (byte < 0xC2 || byte > 0xF4) return {1, 1, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {4, 0x80, 0xBF};
}

}  // namespace

DecodedCharacter decode_utf8(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const LeadByte lead = lead_byte(first);
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0u;
  if (second < lead.second_min || second > lead.second_max)
    return {kReplacementCharacter, 1, false};
  char32_t code = (first & (0x7Fu >> lead.length)) << 6 | (second & 0x3F);
  for (std::uint32_t i = 2; i < lead.length; ++i) {
    if (i >= text.size() || !is_continuation(text[i])) return {kReplacementCharacter, i, false};
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  return {code, lead.length, true};
}

void append_utf8(char32_t code, std::string& text) {
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
    return;
  }
  // The number of continuation bytes, and the bits that say so in the first one.
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr std::array<unsigned, 4> kLeadBits = {0, 0xC0, 0xE0, 0xF0};
  text.push_back(static_cast<char>(kLeadBits[static_cast<std::size_t>(more)] | code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) {
    text.push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
  }
}

void append_utf8(std::u32string_view codes, std::string& text) {
  for (const char32_t code : codes) append_utf8(code, text);
}

bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ull;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & kHighBits) != 0) return false;
  }
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

bool is_valid_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    const DecodedCharacter character = decode_utf8(text);
    if (!character.valid) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

std::size_t count_characters(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::uint64_t append_valid_utf8(std::string_view text, std::string& output) {
  std::uint64_t invalid = 0;
  std::size_t valid_begin = 0;
  std::size_t position = 0;
  while (position < text.size()) {
    if (static_cast<unsigned char>(text[position]) < 0x80) {
      ++position;
      continue;
    }
    const DecodedCharacter character = decode_utf8(text.substr(position));
    if (!character.valid) {
      output.append(text.substr(valid_begin, position - valid_begin));
      append_utf8(kReplacementCharacter, output);
      valid_begin = position + character.bytes;
      ++invalid;
    }
    position += character.bytes;
  }
  output.append(text.substr(valid_begin));
  return invalid;
}

}  // namespace bertyard
