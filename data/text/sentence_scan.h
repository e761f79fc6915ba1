// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "data/text/utf8.h"

namespace bertyard {

// What the rules for splitting sentences look at around a full stop.

bool is_opener(char32_t code);  // of quotes, brackets and emphasis
bool is_dash(char32_t code);

// Behind the characters at `position` that `accepts` accepts.
template <typename Predicate>
std::size_t skip(std::string_view text, std::size_t position, Predicate accepts) {
  while (position < text.size()) {
    const DecodedCharacter character = decode_utf8(text.substr(position));
    if (!accepts(character.code)) break;
    position += character.bytes;
  }
  return position;
}

// Behind "[12]" at `position`, if that stands there: the mark of a note.
std::size_t skip_note_mark(std::string_view text, std::size_t position);
std::string ascii_lower(std::string_view word);
// The word that ends at `end`, without what opens before it. Of a longer word only the last bytes:
// no abbreviation is as long.
std::string_view word_before(std::string_view text, std::size_t end);
std::string_view word_after(std::string_view text, std::size_t begin);
// Arabic or Roman.
bool is_number(std::string_view word);
// "U.S", "a.m", "Ph.D": letters with full stops between.
bool is_acronym(std::string_view word);

}  // namespace bertyard
