// SPDX-License-Identifier: Apache-2.0
#include "data/basic_tokenizer.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "data/unicode.h"

namespace bertyard {
namespace {

// Whether U+2010 to U+2027 begins `text`: dashes, quotation marks and the ellipsis, all of them
// punctuation in its own right that lower-casing and decomposition leave alone.
bool begins_with_typographic_mark(std::string_view text) {
  return text.size() >= 3 && text[0] == '\xE2' && text[1] == '\x80' &&
         static_cast<unsigned char>(text[2]) >= 0x90 && static_cast<unsigned char>(text[2]) <= 0xA7;
}

}  // namespace

void WordList::clear() {
  bytes_.clear();
  ends_.clear();
}

struct BasicTokenizer::Buffers {
  std::u32string token;
  std::u32string lowered;
  std::u32string stripped;
};

BasicTokenizer::BasicTokenizer(const TokenizerOptions& options,
                               std::vector<std::string> never_split)
    : lower_case_(options.lower_case),
      strip_accents_(options.strip_accents.value_or(options.lower_case)),
      split_cjk_(options.split_cjk),
      never_split_(std::move(never_split)) {
  for (const std::string& word : never_split_) {
    BERTYARD_CHECK(!word.empty(), "tokenizer: an empty word in never_split");
  }
  for (std::size_t byte = 0; byte < class_of_byte_.size(); ++byte) {
    const auto code = static_cast<char32_t>(byte);
    class_of_byte_[byte] = byte >= 0x80           ? ByteClass::not_ascii
                           : is_whitespace(code)  ? ByteClass::space
                           : is_control(code)     ? ByteClass::dropped
                           : is_punctuation(code) ? ByteClass::punctuation
                                                  : ByteClass::word;
  }
  for (std::size_t byte = 0; byte < lowered_.size(); ++byte) {
    const bool capital = byte >= 'A' && byte <= 'Z';
    lowered_[byte] = static_cast<char>(capital && lower_case_ ? byte + ('a' - 'A') : byte);
  }
}

void BasicTokenizer::split(std::string_view text, WordList& words) const {
  words.clear();
  words.bytes_.reserve(text.size());
  std::size_t begin = 0;
  while (!never_split_.empty()) {
    std::size_t at = std::string_view::npos;
    std::string_view found;
    for (const std::string& word : never_split_) {
      const std::size_t position = text.find(word, begin);
      if (position < at || (position == at && word.size() > found.size())) {
        at = position;
        found = word;
      }
    }
    if (at == std::string_view::npos) break;
    split_segment(text.substr(begin, at - begin), words);
    words.bytes_.append(found);
    end_word(words);
    begin = at + found.size();
  }
  split_segment(text.substr(begin), words);
}

void BasicTokenizer::split_segment(std::string_view text, WordList& words) const {
  Buffers buffers;
  // Where the current token, which whitespace ends, begins in the text and among the words.
  std::size_t token_begin = 0;
  std::size_t token_words = words.ends_.size();
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    switch (class_of_byte_[byte]) {
      case ByteClass::word:
        words.bytes_.push_back(lowered_[byte]);
        ++i;
        break;
      case ByteClass::punctuation:
        add_punctuation(text.substr(i++, 1), words);
        break;
      case ByteClass::dropped:
        ++i;
        break;
      case ByteClass::not_ascii:
        if (begins_with_typographic_mark(text.substr(i))) {
          add_punctuation(text.substr(i, 3), words);
          i += 3;
          break;
        }
        // Lower-casing and decomposition look at whole tokens, so this one is done again.
        words.ends_.resize(token_words);
        words.bytes_.resize(words.ends_.empty() ? 0 : words.ends_.back());
        i = token_begin + split_unicode(text.substr(token_begin), buffers, words);
        [[fallthrough]];
      case ByteClass::space:
        end_word(words);
        if (i < text.size()) ++i;
        token_begin = i;
        token_words = words.ends_.size();
        break;
    }
  }
  end_word(words);
}

// Adds the words of the token at the front of `text`; returns how many bytes it takes, without an
// ASCII space that ends it.
std::size_t BasicTokenizer::split_unicode(std::string_view text, Buffers& buffers,
                                          WordList& words) const {
  std::size_t position = 0;
  buffers.token.clear();
  while (position < text.size()) {
    const DecodedCharacter character = decode_utf8(text.substr(position));
    const char32_t code = character.code;
    if (code < 0x80 && is_whitespace(code)) break;
    position += character.bytes;
    if (code == kReplacementCharacter || is_control(code)) continue;
    if (is_whitespace(code)) {
      add_token(buffers, words);
    } else if (split_cjk_ && is_cjk_ideograph(code)) {
      add_token(buffers, words);
      buffers.token.push_back(code);
      add_token(buffers, words);
    } else {
      buffers.token.push_back(code);
    }
  }
  add_token(buffers, words);
  return position;
}

void BasicTokenizer::add_token(Buffers& buffers, WordList& words) const {
  const std::u32string* token = &buffers.token;
  if (lower_case_) {
    lower_case(*token, buffers.lowered);
    token = &buffers.lowered;
  }
  if (strip_accents_) {
    strip_accents(*token, buffers.stripped);
    token = &buffers.stripped;
  }
  for (const char32_t code : *token) {
    const bool alone = is_punctuation(code);
    if (alone) end_word(words);
    append_utf8(code, words.bytes_);
    if (alone) end_word(words);
  }
  end_word(words);
  buffers.token.clear();
}

void BasicTokenizer::add_punctuation(std::string_view mark, WordList& words) {
  end_word(words);
  words.bytes_.append(mark);
  words.ends_.push_back(words.bytes_.size());
}

void BasicTokenizer::end_word(WordList& words) {
  const std::size_t begin = words.ends_.empty() ? 0 : words.ends_.back();
  if (words.bytes_.size() > begin) words.ends_.push_back(words.bytes_.size());
}

}  // namespace bertyard
