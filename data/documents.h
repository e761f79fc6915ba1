// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/options.h"

namespace bertyard {

// A text and its sentences: valid UTF-8, not empty, without line ends.
struct Document {
  std::vector<std::string> sentences;
  std::string file;
  std::uint64_t line = 0;  // of its first sentence, from 1
};

// XXH3 of the sentences, each with a line feed: decides what is held out.
std::uint64_t text_hash(const Document& document);

// What a DocumentReader met.
struct CorpusCounts {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // of text, uncompressed
  std::uint64_t lines = 0;
  std::uint64_t documents = 0;  // given out
  std::uint64_t sentences = 0;  // in them
  std::uint64_t empty_files = 0;
  std::uint64_t empty_documents = 0;  // separators with no text before them
  std::uint64_t cut_documents = 0;    // longer than DocumentReader::kMaxDocumentBytes
  std::uint64_t invalid_utf8 = 0;     // sequences replaced by U+FFFD
  std::uint64_t nul_bytes = 0;        // dropped
  std::uint64_t cut_lines = 0;        // longer than LineReader::kMaxLineBytes
  std::uint64_t rules = 0;            // lines of punctuation only, dropped from wrapped text
  bool operator==(const CorpusCounts&) const = default;
};

// Gives out the documents of a corpus one by one, in the order of its files, in bounded memory: a
// longer document is cut into several. The end of a file ends its document. Owns the open file.
//   sentences   a line is a sentence; blank lines separate documents
//   paragraphs  a line is a paragraph and is cut into sentences; blank lines separate documents
//   wrapped     lines of a paragraph are joined and it is cut into sentences; blank lines and rules
//               separate paragraphs; a document starts at a line in which `document_start` is
//               found, or, where that is empty, with each file
class DocumentReader {
 public:
  static constexpr std::size_t kMaxDocumentBytes = std::size_t{64} << 20;

  // Expands options.text. Throws DataError for missing files; UsageError for an unknown language, a
  // bad regular expression, one given for a layout other than wrapped, or a negative skip_lines.
  explicit DocumentReader(const CorpusOptions& options);
  ~DocumentReader();
  DocumentReader(DocumentReader&&) noexcept;
  DocumentReader& operator=(DocumentReader&&) noexcept;

  // Replaces `document` by the next; false at the end. Throws DataError for damaged files, and at
  // the end when there was not one document.
  bool next(Document& document);

  // Up to the document given out last.
  CorpusCounts counts() const;
  const std::vector<std::string>& files() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bertyard
