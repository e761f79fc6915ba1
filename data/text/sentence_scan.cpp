// SPDX-License-Identifier: Apache-2.0
#include "data/text/sentence_scan.h"

#include "data/text/unicode.h"

namespace bertyard {

bool is_opener(char32_t code) {
  constexpr std::u32string_view kOpeners = U"([{'\"*_\u2018\u201C\u00AB\u00A1\u00BF";
  return kOpeners.find(code) != std::u32string_view::npos;
}
bool is_dash(char32_t code) {
  return code == '-' || (code >= 0x2010 && code <= 0x2015);
}

std::size_t skip_note_mark(std::string_view text, std::size_t position) {
  if (position >= text.size() || text[position] != '[') return position;
  const std::size_t end = text.find_first_not_of("0123456789", position + 1);
  const bool is_note = end != std::string_view::npos && end > position + 1 && text[end] == ']';
  return is_note ? end + 1 : position;
}

std::string ascii_lower(std::string_view word) {
  std::string lowered(word);
  for (char& byte : lowered) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return lowered;
}

std::string_view word_before(std::string_view text, std::size_t end) {
  constexpr std::size_t kMaxBytes = 64;
  std::size_t begin = end;
  const auto is_end = [](unsigned char byte) {
    return byte < 0x80 && (is_whitespace(byte) || byte == '/');
  };
  while (begin > 0 && end - begin < kMaxBytes &&
         !is_end(static_cast<unsigned char>(text[begin - 1]))) {
    --begin;
  }
  // White space and dashes of several bytes stand inside what was found; the last one counts.
  std::string_view word = text.substr(begin, end - begin);
  for (std::size_t i = 0; i < word.size();) {
    const DecodedCharacter character = decode_utf8(word.substr(i));
    i += character.bytes;
    if (is_whitespace(character.code) || is_dash(character.code) || is_opener(character.code)) {
      word.remove_prefix(i);
      i = 0;
    }
  }
  return word;
}

std::string_view word_after(std::string_view text, std::size_t begin) {
  const std::size_t end = skip(text, begin, is_letter_or_digit);
  return text.substr(begin, end - begin);
}

bool is_number(std::string_view word) {
  if (word.empty()) return false;
  if (word.find_first_not_of("0123456789") == std::string_view::npos) return true;
  return word.size() >= 2 && word.find_first_not_of("IVXLC") == std::string_view::npos;
}

bool is_acronym(std::string_view word) {
  std::size_t letters = 0;
  bool has_stop = false;
  for (const char byte : word) {
    has_stop = has_stop || byte == '.';
    letters = byte == '.' ? 0 : letters + 1;
    if (letters > 2) return false;
  }
  return has_stop;
}

}  // namespace bertyard
