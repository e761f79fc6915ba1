// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/options.h"
#include "data/tokenizer/basic_tokenizer.h"

namespace bertyard {

struct WordCount {
  std::string word;
  std::uint64_t count = 0;
  bool operator==(const WordCount&) const = default;
};

// Counts the words that basic tokenisation makes of a text; those that are longer than
// max_word_characters, which WordPiece takes for [UNK], are left out. One per thread; add_counts()
// joins them.
class WordCounter {
 public:
  explicit WordCounter(const TokenizerOptions& options);

  void add(std::string_view text);
  void add_counts(const WordCounter& other);
  std::size_t size() const { return counts_.size(); }  // distinct words
  void clear() { counts_.clear(); }
  // Sorted by text.
  std::vector<WordCount> counts() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  BasicTokenizer tokenizer_;
  std::size_t max_characters_;
  WordList words_;
  std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>> counts_;
};

}  // namespace bertyard
