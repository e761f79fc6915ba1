// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/tokenizer.h"

#include <utility>

#include "data/text/unicode.h"

namespace bertyard {
namespace {

constexpr std::size_t kPlaneCharacters = 0x10000;

// The character of three bytes at `position`, or 0 where there is no such thing.
char32_t three_byte_character(std::string_view text, std::size_t position) {
  if ((text[position] & '\xF0') != '\xE0') return 0;
  const DecodedCharacter character = decode_utf8(text.substr(position));
  return character.bytes == 3 && character.valid ? character.code : 0;
}

}  // namespace

Tokenizer::Tokenizer(const Vocabulary& vocabulary, const TokenizerOptions& options,
                     std::vector<std::string> never_split)
    : basic_(options, std::move(never_split)),
      wordpiece_(vocabulary, options.max_word_characters),
      alone_(kPlaneCharacters, kNotAlone) {
  std::vector<Piece> pieces;
  std::string word;
  for (char32_t code = 1; code < kPlaneCharacters; ++code) {
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    if (is_surrogate || !basic_.is_alone(code)) continue;
    word.clear();
    append_utf8(code, word);
    wordpiece_.cut(word, pieces);
    alone_[code] = pieces[0].id;
  }
}

void Tokenizer::tokenize(std::string_view text, std::vector<std::uint32_t>& ids) const {
  TokenizerWorker(*this, WordCache(4)).tokenize(text, ids);
}

std::vector<std::uint32_t> Tokenizer::tokenize(std::string_view text) const {
  std::vector<std::uint32_t> ids;
  tokenize(text, ids);
  return ids;
}

void TokenizerWorker::tokenize(std::string_view text, std::vector<std::uint32_t>& ids) {
  add_text(text, {ids, nullptr});
}

void TokenizerWorker::encode(std::string_view text, Encoding& encoding) {
  encoding.clear();
  add_text(text, {encoding.ids, &encoding.spans});
}

void TokenizerWorker::add_text(std::string_view text, Output out) {
  for (std::size_t begin = 0; begin < text.size();) {
    const BasicTokenizer::Kept kept = tokenizer_.basic_.next_kept(text, begin, next_kept_);
    add_segment(text.substr(0, kept.begin), begin, out);
    begin = kept.begin + kept.word.size();
    if (kept.word.empty()) continue;
    tokenizer_.wordpiece_.cut(kept.word, pieces_);
    add_pieces(kept.begin, out);
  }
}

std::size_t TokenizerWorker::word_end(std::string_view text, std::size_t begin) const {
  while (begin < text.size() &&
         tokenizer_.basic_.class_of(text[begin]) == BasicTokenizer::ByteClass::word) {
    ++begin;
  }
  return begin;
}

// Adds what stands in `text` from `begin` on. ASCII words, punctuation and ideographs are added as
// they are met. Any other character makes the token it stands in, from white space to white space,
// be done again as a whole: lower-casing and decomposition look at the neighbours.
void TokenizerWorker::add_segment(std::string_view text, std::size_t begin, Output& out) {
  using ByteClass = BasicTokenizer::ByteClass;
  const std::vector<std::uint32_t>& alone = tokenizer_.alone_;
  std::size_t token_begin = begin;
  std::size_t ids_before_token = out.ids.size();
  for (std::size_t i = begin; i < text.size();) {
    const ByteClass type = tokenizer_.basic_.class_of(text[i]);
    if (type == ByteClass::word) {
      const std::size_t end = word_end(text, i + 1);
      add_ascii_word(text, i, end, out);
      i = end;
      continue;
    }
    if (type == ByteClass::punctuation) {
      out.add(alone[static_cast<unsigned char>(text[i])], i, i + 1);
      ++i;
      continue;
    }
    if (type != ByteClass::space) {
      const char32_t code = three_byte_character(text, i);
      if (code != 0 && alone[code] != Tokenizer::kNotAlone) {
        out.add(alone[code], i, i + 3);
        i += 3;
        if (!tokenizer_.basic_.separates(code)) continue;
      } else {
        out.cut_back(ids_before_token);
        i = token_begin + add_token(text, token_begin, out);
      }
    } else {
      ++i;
    }
    token_begin = i;
    ids_before_token = out.ids.size();
  }
}

void TokenizerWorker::add_ascii_word(std::string_view text, std::size_t begin, std::size_t end,
                                     Output& out) {
  if (end - begin > WordCache::kMaxBytes) {
    add_new_word(text, begin, end, out);
    return;
  }
  const WordCache::Key key = WordCache::key(text, begin, end);
  WordCache::Entry& entry = cache_.entry(key);
  if (!(entry.key == key)) {
    add_new_word(text, begin, end, out);
    WordCache::fill(entry, key, pieces_);
    return;
  }
  std::size_t piece_begin = begin;
  for (std::size_t i = 0; i < entry.pieces; ++i) {
    out.add(entry.ids[i], piece_begin, begin + entry.ends[i]);
    piece_begin = begin + entry.ends[i];
  }
}

void TokenizerWorker::add_new_word(std::string_view text, std::size_t begin, std::size_t end,
                                   Output& out) {
  lowered_.assign(text.substr(begin, end - begin));
  for (char& byte : lowered_) byte = tokenizer_.basic_.lowered(byte);
  tokenizer_.wordpiece_.cut(lowered_, pieces_);
  add_pieces(begin, out);
}

void TokenizerWorker::add_pieces(std::size_t begin, Output& out) {
  std::size_t piece_begin = begin;
  for (const Piece& piece : pieces_) {
    out.add(piece.id, piece_begin, begin + piece.end);
    piece_begin = begin + piece.end;
  }
}

// Adds the token at `begin`, which may hold any characters; returns how many bytes it takes.
std::size_t TokenizerWorker::add_token(std::string_view text, std::size_t begin, Output& out) {
  words_.clear();
  const bool traced = out.spans != nullptr;
  const std::size_t size =
      tokenizer_.basic_.split_token(text.substr(begin), traced ? Trace::yes : Trace::no, words_);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    tokenizer_.wordpiece_.cut(words_[i], pieces_);
    std::size_t piece_begin = 0;
    for (const Piece& piece : pieces_) {
      const TextSpan span = traced ? words_.source(i, piece_begin, piece.end) : TextSpan{};
      out.add(piece.id, begin + span.begin, begin + span.end);
      piece_begin = piece.end;
    }
  }
  return size;
}

}  // namespace bertyard
