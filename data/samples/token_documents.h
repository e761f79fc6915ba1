// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bertyard {

// Tokenised documents as the sample builder reads them: sentences of WordPiece ids, none empty.
class TokenDocuments {
 public:
  virtual ~TokenDocuments() = default;

  virtual std::size_t document_count() const = 0;
  // Names the document's random draws: unique in the whole corpus, held-out documents included.
  virtual std::uint64_t document_id(std::size_t document) const = 0;
  virtual std::size_t sentences_in(std::size_t document) const = 0;
  // Valid until a sentence of another document is asked for; those of the document that is being
  // built stay valid as long.
  virtual std::span<const std::uint32_t> sentence(std::size_t document,
                                                  std::size_t sentence) const = 0;
};

}  // namespace bertyard
