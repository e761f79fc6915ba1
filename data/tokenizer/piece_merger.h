// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bertyard {

// Merges the most frequent pair of neighbouring pieces, again and again, over a fixed list of
// counted words (byte pair encoding, Sennrich et al. 2016). Continuations begin with "##". Owns the
// words and the pieces. A merge touches only the words that hold the pair; the queue is corrected
// when a stale entry comes up.
class PieceMerger {
 public:
  PieceMerger() = default;
  PieceMerger(const PieceMerger&) = delete;
  PieceMerger& operator=(const PieceMerger&) = delete;

  // A piece by its text: the same id whenever the same text comes.
  std::uint32_t add_piece(std::string_view text);
  // A word as the pieces it begins with.
  void add_word(std::span<const std::uint32_t> pieces, std::uint64_t count);
  // Counts the pairs of the words added; call once, before merge().
  void count_pairs();

  struct Pair {
    std::uint32_t left;
    std::uint32_t right;
    std::uint64_t count;
  };
  // The most frequent pair; among equals the first by left text, then by right text.
  std::optional<Pair> best();
  // Merges `pair` everywhere; returns the new piece, which may be one that is there already.
  std::uint32_t merge(const Pair& pair);

  const std::string& text(std::uint32_t piece) const { return texts_[piece]; }

 private:
  struct Word {
    std::uint64_t first;  // of its pieces in pieces_
    std::uint64_t count;
    std::uint32_t size;
  };
  struct PairState {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;  // that hold it or held it once
  };
  struct ComesLater {
    const PieceMerger* merger;
    bool operator()(const Pair& a, const Pair& b) const;
  };

  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return std::uint64_t{left} << 32 | right;
  }
  void change_count(std::uint32_t left, std::uint32_t right, std::int64_t difference,
                    std::uint32_t word);
  void merge_in_word(std::uint32_t word, const Pair& pair, std::uint32_t merged);

  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::vector<Word> words_;
  std::vector<std::uint32_t> pieces_;  // of all words; a merge makes a word shorter where it stands
  std::unordered_map<std::uint64_t, PairState> pairs_;
  std::vector<std::uint64_t> grown_;  // pairs that a merge made more frequent
  std::priority_queue<Pair, std::vector<Pair>, ComesLater> queue_{ComesLater{this}};
};

}  // namespace bertyard
