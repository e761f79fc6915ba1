// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/vocabulary_learner.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/unicode.h"
#include "data/tokenizer/piece_merger.h"

namespace bertyard {
namespace {

constexpr std::string_view kSpecialTokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

std::u32string characters_of(std::string_view word) {
  std::u32string characters;
  while (!word.empty()) {
    const DecodedCharacter character = decode_utf8(word);
    characters.push_back(character.code);
    word.remove_prefix(character.bytes);
  }
  return characters;
}

std::string piece_text(char32_t character, bool is_continuation) {
  std::string text = is_continuation ? "##" : "";
  append_utf8(character, text);
  return text;
}

// Sorts the words into those that are spelled with pieces and ideographs that are words themselves,
// then fills the vocabulary.
class Learner {
 public:
  Learner(const TokenizerOptions& tokenizer, const VocabularyLearningOptions& options)
      : tokenizer_(tokenizer), options_(options) {}

  Vocabulary learn(std::vector<WordCount> words) {
    sort_out(words);
    if (words.empty() && ideographs_.empty()) {
      throw DataError("tokenizer.learn: the text holds not one word to learn a vocabulary from");
    }
    choose_alphabet();
    list_alphabet();
    spell(std::move(words));
    add_most_frequent();
    return Vocabulary(std::move(entries_), "learnt vocabulary");
  }

 private:
  bool is_isolated(char32_t character) const {
    return tokenizer_.split_cjk && is_cjk_ideograph(character);
  }

  // Leaves the words that are spelled with pieces, and counts their characters.
  void sort_out(std::vector<WordCount>& words) {
    std::erase_if(words, [&](WordCount& word) {
      const std::u32string characters = characters_of(word.word);
      if (characters.empty() ||
          characters.size() > static_cast<std::size_t>(tokenizer_.max_word_characters)) {
        return true;
      }
      if (characters.size() == 1 && is_isolated(characters[0])) {
        ideographs_.push_back(std::move(word));
        return true;
      }
      for (const char32_t character : characters) character_counts_[character] += word.count;
      return false;
    });
    std::sort(ideographs_.begin(), ideographs_.end(), [](const WordCount& a, const WordCount& b) {
      return a.count != b.count ? a.count > b.count : a.word < b.word;
    });
  }

  void choose_alphabet() {
    std::vector<std::pair<std::uint64_t, char32_t>> by_count;
    for (const auto& [character, count] : character_counts_)
      by_count.emplace_back(count, character);
    std::sort(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    if (by_count.size() > kAlphabetLimit) by_count.resize(kAlphabetLimit);
    for (const auto& [count, character] : by_count) alphabet_.push_back(character);
    std::sort(alphabet_.begin(), alphabet_.end());
  }

  // Every character of the alphabet gets both forms, met or not, so that no word spelled with it is
  // [UNK]; punctuation and isolated ideographs are always words of their own.
  void list_alphabet() {
    for (const std::string_view token : kSpecialTokens) add_entry(token);
    for (const char32_t character : alphabet_) add_entry(piece_text(character, false));
    for (const char32_t character : alphabet_) {
      if (is_punctuation(character) || is_isolated(character)) continue;
      add_entry(piece_text(character, true));
    }
    if (options_.size < static_cast<std::int64_t>(entries_.size())) {
      throw UsageError(
          fmt::format("tokenizer.learn.size is {}, but the special tokens and the {} "
                      "characters of the text alone make {} entries; raise it",
                      options_.size, alphabet_.size(), entries_.size()));
    }
  }

  void spell(std::vector<WordCount> words) {
    std::vector<std::uint32_t> pieces;
    for (const WordCount& word : words) {
      const std::u32string characters = characters_of(word.word);
      pieces.clear();
      for (const char32_t character : characters) {
        if (!std::binary_search(alphabet_.begin(), alphabet_.end(), character)) break;
        pieces.push_back(merger_.add_piece(piece_text(character, !pieces.empty())));
      }
      if (pieces.size() == characters.size()) merger_.add_word(pieces, word.count);
    }
    words = {};  // what follows needs the memory
    merger_.count_pairs();
  }

  void add_most_frequent() {
    const auto least =
        static_cast<std::uint64_t>(std::max<std::int64_t>(options_.min_frequency, 1));
    auto ideograph = ideographs_.begin();
    while (static_cast<std::int64_t>(entries_.size()) < options_.size) {
      const auto pair = merger_.best();
      const std::uint64_t pair_count = pair ? pair->count : 0;
      const std::uint64_t ideograph_count = ideograph == ideographs_.end() ? 0 : ideograph->count;
      if (std::max(pair_count, ideograph_count) < least) break;
      if (ideograph_count >= pair_count) {
        add_entry((ideograph++)->word);
      } else {
        add_entry(merger_.text(merger_.merge(*pair)));
      }
    }
  }

  // Two pairs may make the same piece.
  void add_entry(std::string_view text) {
    if (known_.emplace(text).second) entries_.emplace_back(text);
  }

  const TokenizerOptions& tokenizer_;
  const VocabularyLearningOptions& options_;
  std::vector<WordCount> ideographs_;
  std::unordered_map<char32_t, std::uint64_t> character_counts_;
  std::u32string alphabet_;
  PieceMerger merger_;
  std::vector<std::string> entries_;
  std::unordered_set<std::string> known_;
};

}  // namespace

Vocabulary learn_vocabulary(std::vector<WordCount> words, const TokenizerOptions& tokenizer,
                            const VocabularyLearningOptions& options) {
  return Learner(tokenizer, options).learn(std::move(words));
}

}  // namespace bertyard
