// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/samples/token_documents.h"

namespace bertyard {

// Documents of sentences of WordPiece ids, flat in memory. Owns the ids. Sentences without tokens
// and documents without sentences are dropped as Google's script drops them.
class TokenizedCorpus final : public TokenDocuments {
 public:
  void add_sentence(std::span<const std::uint32_t> tokens);
  // Closes the document whose sentences were added since the last call. `id` names its random
  // draws: unique in the whole corpus, held-out documents included.
  void end_document(std::uint64_t id);

  std::size_t document_count() const override { return ids_.size(); }
  std::size_t sentence_count() const { return sentence_begin_.size() - 1; }
  std::uint64_t token_count() const { return tokens_.size(); }
  std::uint64_t document_id(std::size_t document) const override { return ids_[document]; }
  std::size_t sentences_in(std::size_t document) const override {
    return document_begin_[document + 1] - document_begin_[document];
  }
  std::span<const std::uint32_t> sentence(std::size_t document,
                                          std::size_t sentence) const override {
    const std::size_t at = document_begin_[document] + sentence;
    return std::span(tokens_).subspan(sentence_begin_[at],
                                      sentence_begin_[at + 1] - sentence_begin_[at]);
  }

 private:
  std::vector<std::uint32_t> tokens_;
  std::vector<std::uint64_t> sentence_begin_{0};
  std::vector<std::uint64_t> document_begin_{0};
  std::vector<std::uint64_t> ids_;
};

}  // namespace bertyard
