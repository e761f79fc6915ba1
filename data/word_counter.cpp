// SPDX-License-Identifier: Apache-2.0
#include "data/word_counter.h"

#include <algorithm>

namespace bertyard {

WordCounter::WordCounter(const TokenizerOptions& options) : tokenizer_(options) {}

void WordCounter::add(std::string_view text) {
  tokenizer_.split(text, words_);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const auto found = counts_.find(words_[i]);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(words_[i], 1);
    }
  }
}

void WordCounter::add_counts(const WordCounter& other) {
  for (const auto& [word, count] : other.counts_) counts_[word] += count;
}

std::vector<WordCount> WordCounter::counts() const {
  std::vector<WordCount> sorted;
  sorted.reserve(counts_.size());
  for (const auto& [word, count] : counts_) sorted.push_back({word, count});
  std::sort(sorted.begin(), sorted.end(),
            [](const WordCount& a, const WordCount& b) { return a.word < b.word; });
  return sorted;
}

}  // namespace bertyard
