// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer/piece_trie.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// A piece of a word: its entry, and where it ends in the bytes of the word.
struct Piece {
  std::uint32_t id;
  std::uint32_t end;
  bool operator==(const Piece&) const = default;
};

// Cuts a word into vocabulary entries, the longest first, continuations marked by "##"
// (google-research/bert, WordpieceTokenizer). A word that cannot be cut, or is longer than
// `max_word_characters` code points, is one [UNK]. Immutable; keeps nothing of the vocabulary.
class WordPiece {
 public:
  WordPiece(const Vocabulary& vocabulary, int max_word_characters);

  // Replaces `pieces` by those of `word`.
  void cut(std::string_view word, std::vector<Piece>& pieces) const;
  // Appends the ids of the pieces of `word`.
  void encode(std::string_view word, std::vector<std::uint32_t>& ids) const;

 private:
  struct Match {
    std::size_t bytes;
    std::int32_t id;
  };
  Match longest_match(std::int32_t node, std::string_view text) const;

  PieceTrie trie_;
  std::int32_t continuation_;  // the node of "##"
  std::uint32_t unknown_;
  std::size_t max_word_characters_;
};

}  // namespace bertyard
