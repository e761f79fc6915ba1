// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer.h"

#include <utility>

namespace bertyard {

Tokenizer::Tokenizer(const Vocabulary& vocabulary, const TokenizerOptions& options,
                     std::vector<std::string> never_split)
    : basic_(options, std::move(never_split)),
      wordpiece_(vocabulary, options.max_word_characters) {}

void Tokenizer::tokenize(std::string_view text, std::vector<std::uint32_t>& ids) const {
  WordList words;
  basic_.split(text, words);
  for (std::size_t i = 0; i < words.size(); ++i) wordpiece_.encode(words[i], ids);
}

std::vector<std::uint32_t> Tokenizer::tokenize(std::string_view text) const {
  std::vector<std::uint32_t> ids;
  tokenize(text, ids);
  return ids;
}

}  // namespace bertyard
