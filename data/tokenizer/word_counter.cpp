// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/word_counter.h"

#include <algorithm>

#include "data/text/utf8.h"

namespace bertyard {

WordCounter::WordCounter(const TokenizerOptions& options)
    : tokenizer_(options),
      max_characters_(static_cast<std::size_t>(std::max(options.max_word_characters, 0))) {}

void WordCounter::add(std::string_view text) {
  tokenizer_.split(text, words_);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (is_longer_than(words_[i], max_characters_)) continue;
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
