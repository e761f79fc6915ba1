// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/utf8.h"

namespace bertyard {

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

// `text` without the white space at its ends.
std::string_view trim(std::string_view text);

// Where each character of a changed word comes from: its index in the word that was changed.
using CharacterSources = std::vector<std::uint32_t>;

// Full lower case of a word as Python's str.lower has it: U+0130 becomes two characters, and a
// capital sigma its final form where no letter follows it. `sources` may be null.
void lower_case(std::u32string_view word, std::u32string& lowered,
                CharacterSources* sources = nullptr);
// Canonical decomposition (NFD) of a word, less its non-spacing marks (Mn).
void strip_accents(std::u32string_view word, std::u32string& stripped,
                   CharacterSources* sources = nullptr);
// Whether neither of them changes a word that consists of this character.
bool is_unchanged(char32_t code);

}  // namespace bertyard
