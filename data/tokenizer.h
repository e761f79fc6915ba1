// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/basic_tokenizer.h"
#include "data/options.h"
#include "data/vocabulary.h"
#include "data/wordpiece.h"

namespace bertyard {

// BERT's tokenizer: basic tokenisation, then WordPiece. Adds no [CLS] or [SEP]. Immutable, keeps
// nothing of the vocabulary it is made from: any number of threads may share one.
class Tokenizer {
 public:
  // Throws UsageError when max_word_characters is not positive.
  Tokenizer(const Vocabulary& vocabulary, const TokenizerOptions& options,
            std::vector<std::string> never_split = {});

  // Appends the ids of `text` to `ids`.
  void tokenize(std::string_view text, std::vector<std::uint32_t>& ids) const;
  std::vector<std::uint32_t> tokenize(std::string_view text) const;

 private:
  BasicTokenizer basic_;
  WordPiece wordpiece_;
};

}  // namespace bertyard
