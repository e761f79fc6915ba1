// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/text/unicode.h"

namespace bertyard {

// What Python's `str` and `re` mean by these, for metrics that are Python scripts.

// \s, and where str.split() and str.strip() cut.
inline bool is_python_space(char32_t c) {
  return is_whitespace(c) || c == 0x0B || c == 0x0C || (c >= 0x1C && c <= 0x1F) || c == 0x85 ||
         c == 0x2028 || c == 0x2029;
}

// \w
inline bool is_python_word(char32_t c) {
  return is_letter_or_digit(c) || c == U'_';
}

// str.split()
inline std::vector<std::u32string> python_split(std::u32string_view text) {
  std::vector<std::u32string> words;
  bool inside = false;
  for (const char32_t c : text) {
    const bool space = is_python_space(c);
    if (!space && !inside) words.emplace_back();
    inside = !space;
    if (inside) words.back() += c;
  }
  return words;
}

}  // namespace bertyard
