// SPDX-License-Identifier: Apache-2.0
#include "data/unicode.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <utf8proc.h>

namespace bertyard {
namespace {

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

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

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

// Unicode's Case_Ignorable: the categories Mn, Me, Cf, Lm, Sk and these.
bool is_case_ignorable(char32_t code) {
  constexpr std::u32string_view kOthers =
      U"\u0027\u002E\u003A\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027"
      U"\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  switch (category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return kOthers.find(code) != std::u32string_view::npos;
  }
}

// Unicode's Cased: the categories Lu, Ll, Lt and these (ordinals, Roman numerals, circled and
// squared letters).
bool is_cased(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return code == 0xAA || code == 0xBA || (code >= 0x2160 && code <= 0x217F) ||
             (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
             (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
  }
}

// SpecialCasing.txt, Final_Sigma: a cased letter before it and none after it, the ignorable ones
// skipped.
bool is_final_sigma(std::u32string_view word, std::size_t position) {
  const auto before = std::find_if_not(word.rend() - static_cast<std::ptrdiff_t>(position),
                                       word.rend(), is_case_ignorable);
  if (before == word.rend() || !is_cased(*before)) return false;
  const auto after = std::find_if_not(word.begin() + static_cast<std::ptrdiff_t>(position) + 1,
                                      word.end(), is_case_ignorable);
  return after == word.end() || !is_cased(*after);
}

int combining_class(char32_t code) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class;
}

void append_decomposition(char32_t code, std::u32string& decomposed) {
  std::array<utf8proc_int32_t, 8> parts;  // the longest canonical decomposition has four
  int last_boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts.data(),
                              static_cast<utf8proc_ssize_t>(parts.size()),
                              static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE), &last_boundary);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    decomposed.push_back(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
  }
}

// Canonical ordering: runs of marks with a combining class other than 0, sorted by it.
void order_marks(std::u32string& text) {
  auto run = text.begin();
  while (run != text.end()) {
    run = std::find_if(run, text.end(), [](char32_t code) { return combining_class(code) != 0; });
    const auto end =
        std::find_if(run, text.end(), [](char32_t code) { return combining_class(code) == 0; });
    std::stable_sort(run, end, [](char32_t left, char32_t right) {
      return combining_class(left) < combining_class(right);
    });
    run = end;
  }
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
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
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

bool is_whitespace(char32_t code) {
  if (code == ' ' || code == '\t' || code == '\n' || code == '\r') return true;
  if (code < 0x80) return false;
  // Line and paragraph separators are no Zs, but Python's str.split() cuts at them all the same.
  return code == 0x2028 || code == 0x2029 || category(code) == UTF8PROC_CATEGORY_ZS;
}

bool is_control(char32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  if (code < 0x80) return code < 0x20 || code == 0x7F;
  const auto type = category(code);
  return type == UTF8PROC_CATEGORY_CC || type == UTF8PROC_CATEGORY_CF;
}

bool is_punctuation(char32_t code) {
  if (code < 0x80) {
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
           (code >= 123 && code <= 126);
  }
  const auto type = category(code);
  return type >= UTF8PROC_CATEGORY_PC && type <= UTF8PROC_CATEGORY_PO;
}

bool is_cjk_ideograph(char32_t code) {
  if (code < 0x3400) return false;
  return (code >= 0x4E00 && code <= 0x9FFF) || code <= 0x4DBF ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x2A6DF) ||
         (code >= 0x2A700 && code <= 0x2CEAF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

bool is_letter_or_digit(char32_t code) {
  const auto type = category(code);
  return (type >= UTF8PROC_CATEGORY_LU && type <= UTF8PROC_CATEGORY_LO) ||
         (type >= UTF8PROC_CATEGORY_ND && type <= UTF8PROC_CATEGORY_NO);
}

bool is_digit(char32_t code) {
  return category(code) == UTF8PROC_CATEGORY_ND;
}

bool is_lower_case(char32_t code) {
  return category(code) == UTF8PROC_CATEGORY_LL;
}

void lower_case(std::u32string_view word, std::u32string& lowered) {
  lowered.clear();
  for (std::size_t i = 0; i < word.size(); ++i) {
    constexpr char32_t kCapitalSigma = 0x3A3;
    constexpr char32_t kFinalSigma = 0x3C2;
    if (word[i] == kCapitalSigma && is_final_sigma(word, i)) {
      lowered.push_back(kFinalSigma);
    } else if (word[i] == 0x130) {
      lowered.append(U"i\u0307");
    } else {
      lowered.push_back(
          static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(word[i]))));
    }
  }
}

void strip_accents(std::u32string_view word, std::u32string& stripped) {
  stripped.clear();
  for (const char32_t code : word) append_decomposition(code, stripped);
  order_marks(stripped);
  std::erase_if(stripped, [](char32_t code) { return category(code) == UTF8PROC_CATEGORY_MN; });
}

}  // namespace bertyard
