// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/basic_tokenizer.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "data/text/unicode.h"

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
  sources_.clear();
}

// A token on its way to words: its characters, what each step makes of them, and, when traced,
// where in the text the characters are.
struct BasicTokenizer::Buffers {
  bool traced = false;
  std::u32string token;
  std::vector<TextSpan> spans;
  std::u32string changed;
  std::vector<TextSpan> changed_spans;
  CharacterSources sources;

  CharacterSources* wanted_sources() { return traced ? &sources : nullptr; }
  // Makes `changed` the token.
  void take_changed() {
    token.swap(changed);
    if (!traced) return;
    changed_spans.clear();
    for (const std::uint32_t source : sources) changed_spans.push_back(spans[source]);
    spans.swap(changed_spans);
  }
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

BasicTokenizer::Kept BasicTokenizer::next_kept(std::string_view text, std::size_t begin,
                                               std::vector<std::size_t>& next) const {
  next.resize(never_split_.size());
  Kept kept{text.size(), {}};
  for (std::size_t i = 0; i < never_split_.size(); ++i) {
    const std::string& word = never_split_[i];
    if (begin == 0 || next[i] < begin) next[i] = text.find(word, begin);
    const std::size_t position = next[i];
    if (position == std::string_view::npos) continue;
    const bool is_longer = position == kept.begin && word.size() > kept.word.size();
    if (position < kept.begin || is_longer) kept = {position, word};
  }
  return kept;
}

void BasicTokenizer::split(std::string_view text, WordList& words) const {
  words.clear();
  words.bytes_.reserve(text.size());
  std::vector<std::size_t> next;
  for (std::size_t begin = 0; begin < text.size();) {
    const Kept kept = next_kept(text, begin, next);
    split_segment(text.substr(begin, kept.begin - begin), words);
    words.bytes_.append(kept.word);
    end_word(words);
    begin = kept.begin + kept.word.size();
  }
}

bool BasicTokenizer::is_alone(char32_t code) const {
  return (is_punctuation(code) || separates(code)) && is_unchanged(code);
}

std::size_t BasicTokenizer::split_token(std::string_view text, Trace trace, WordList& words) const {
  Buffers buffers;
  buffers.traced = trace == Trace::yes;
  return split_unicode(text, buffers, words);
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
  buffers.spans.clear();
  while (position < text.size()) {
    const DecodedCharacter character = decode_utf8(text.substr(position));
    const char32_t code = character.code;
    if (code < 0x80 && is_whitespace(code)) break;
    const auto begin = static_cast<std::uint32_t>(position);
    position += character.bytes;
    if (code == kReplacementCharacter || is_control(code)) continue;
    const bool stands_apart = separates(code);
    if (stands_apart || is_whitespace(code)) add_token(buffers, words);
    if (is_whitespace(code)) continue;
    buffers.token.push_back(code);
    if (buffers.traced) buffers.spans.push_back({begin, begin + character.bytes});
    if (stands_apart) add_token(buffers, words);
  }
  add_token(buffers, words);
  return position;
}

void BasicTokenizer::change_case_and_accents(Buffers& buffers) const {
  if (lower_case_) {
    lower_case(buffers.token, buffers.changed, buffers.wanted_sources());
    buffers.take_changed();
  }
  if (strip_accents_) {
    strip_accents(buffers.token, buffers.changed, buffers.wanted_sources());
    buffers.take_changed();
  }
}

void BasicTokenizer::add_token(Buffers& buffers, WordList& words) const {
  change_case_and_accents(buffers);
  for (std::size_t i = 0; i < buffers.token.size(); ++i) {
    const char32_t code = buffers.token[i];
    const bool alone = is_punctuation(code);
    if (alone) end_word(words);
    append_utf8(code, words.bytes_);
    if (buffers.traced) words.sources_.resize(words.bytes_.size(), buffers.spans[i]);
    if (alone) end_word(words);
  }
  end_word(words);
  buffers.token.clear();
  buffers.spans.clear();
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
