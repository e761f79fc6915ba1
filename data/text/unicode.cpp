// SPDX-License-Identifier: Apache-2.0
#include "data/text/unicode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <utf8proc.h>

namespace bertyard {
namespace {

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
void order_marks(std::u32string& text, CharacterSources* sources) {
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < text.size(); begin = end) {
    end = begin + 1;
    if (combining_class(text[begin]) == 0) continue;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    for (std::size_t i = begin + 1; i < end; ++i) {  // runs are short
      for (std::size_t k = i; k > begin; --k) {
        if (combining_class(text[k - 1]) <= combining_class(text[k])) break;
        std::swap(text[k - 1], text[k]);
        if (sources != nullptr) std::swap((*sources)[k - 1], (*sources)[k]);
      }
    }
  }
}

void erase_marks(std::u32string& text, CharacterSources* sources) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (category(text[i]) == UTF8PROC_CATEGORY_MN) continue;
    if (sources != nullptr) (*sources)[kept] = (*sources)[i];
    text[kept++] = text[i];
  }
  text.resize(kept);
  if (sources != nullptr) sources->resize(kept);
}

}  // namespace

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

std::string_view trim(std::string_view text) {
  while (!text.empty()) {
    const DecodedCharacter first = decode_utf8(text);
    if (!is_whitespace(first.code)) break;
    text.remove_prefix(first.bytes);
  }
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && is_continuation(text[last])) --last;
    if (!is_whitespace(decode_utf8(text.substr(last)).code)) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

void lower_case(std::u32string_view word, std::u32string& lowered, CharacterSources* sources) {
  lowered.clear();
  if (sources != nullptr) sources->clear();
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
    if (sources != nullptr) sources->resize(lowered.size(), static_cast<std::uint32_t>(i));
  }
}

void strip_accents(std::u32string_view word, std::u32string& stripped, CharacterSources* sources) {
  stripped.clear();
  if (sources != nullptr) sources->clear();
  for (std::size_t i = 0; i < word.size(); ++i) {
    append_decomposition(word[i], stripped);
    if (sources != nullptr) sources->resize(stripped.size(), static_cast<std::uint32_t>(i));
  }
  order_marks(stripped, sources);
  erase_marks(stripped, sources);
}

bool is_unchanged(char32_t code) {
  std::u32string decomposed;
  append_decomposition(code, decomposed);
  return decomposed.size() == 1 && decomposed[0] == code && combining_class(code) == 0 &&
         category(code) != UTF8PROC_CATEGORY_MN && code != 0x130 &&
         utf8proc_tolower(static_cast<utf8proc_int32_t>(code)) ==
             static_cast<utf8proc_int32_t>(code);
}

}  // namespace bertyard
