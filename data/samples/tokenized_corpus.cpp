// SPDX-License-Identifier: Apache-2.0
#include "data/samples/tokenized_corpus.h"

namespace bertyard {

void TokenizedCorpus::add_sentence(std::span<const std::uint32_t> tokens) {
  if (tokens.empty()) return;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  sentence_begin_.push_back(tokens_.size());
}

void TokenizedCorpus::end_document(std::uint64_t id) {
  if (sentence_count() == document_begin_.back()) return;
  document_begin_.push_back(sentence_count());
  ids_.push_back(id);
}

}  // namespace bertyard
