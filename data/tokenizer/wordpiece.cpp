// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/wordpiece.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/unicode.h"

namespace bertyard {

WordPiece::WordPiece(const Vocabulary& vocabulary, int max_word_characters)
    : trie_(vocabulary.tokens()),
      continuation_(trie_.find("##")),
      unknown_(vocabulary.special().unknown),
      max_word_characters_(static_cast<std::size_t>(max_word_characters)) {
  if (max_word_characters <= 0) {
    throw UsageError(fmt::format("tokenizer.max_word_characters is {}, expected at least 1",
                                 max_word_characters));
  }
}

WordPiece::Match WordPiece::longest_match(std::int32_t node, std::string_view text) const {
  Match match{0, PieceTrie::kNone};
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = trie_.child(node, static_cast<unsigned char>(text[i]));
    if (node == PieceTrie::kNone) break;
    if (const std::int32_t id = trie_.value(node); id != PieceTrie::kNone) match = {i + 1, id};
  }
  return match;
}

void WordPiece::cut(std::string_view word, std::vector<Piece>& pieces) const {
  pieces.clear();
  const bool too_long = is_longer_than(word, max_word_characters_);
  std::int32_t node = too_long ? PieceTrie::kNone : trie_.root();
  std::size_t begin = 0;
  while (begin < word.size()) {
    const Match match = node == PieceTrie::kNone ? Match{0, PieceTrie::kNone}
                                                 : longest_match(node, word.substr(begin));
    if (match.id == PieceTrie::kNone) {
      pieces.assign(1, {unknown_, static_cast<std::uint32_t>(word.size())});
      return;
    }
    begin += match.bytes;
    pieces.push_back({static_cast<std::uint32_t>(match.id), static_cast<std::uint32_t>(begin)});
    node = continuation_;
  }
}

void WordPiece::encode(std::string_view word, std::vector<std::uint32_t>& ids) const {
  std::vector<Piece> pieces;
  cut(word, pieces);
  for (const Piece& piece : pieces) ids.push_back(piece.id);
}

}  // namespace bertyard
