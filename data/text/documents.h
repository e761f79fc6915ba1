// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/options.h"
#include "data/text/text_file.h"
#include "data/text/text_units.h"

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
  std::uint64_t cut_documents = 0;    // longer than DocumentLimits::document
  std::uint64_t invalid_utf8 = 0;     // sequences replaced by U+FFFD
  std::uint64_t nul_bytes = 0;        // dropped
  std::uint64_t cut_lines = 0;        // longer than DocumentLimits::line
  std::uint64_t rules = 0;            // lines of punctuation only, dropped from wrapped text
  std::uint64_t bad_lines = 0;        // of JSONL, without a document
  std::uint64_t lines_outside = 0;    // of text between the documents of WikiExtractor
  std::uint64_t foreign_lines = 0;    // of plain text, but like JSONL's or WikiExtractor's
  bool operator==(const CorpusCounts&) const = default;
};

// Every count by its name in files.
struct CorpusCountField {
  const char* name;
  std::uint64_t CorpusCounts::*member;
};
inline constexpr CorpusCountField kCorpusCountFields[] = {
    {"files", &CorpusCounts::files},
    {"bytes", &CorpusCounts::bytes},
    {"lines", &CorpusCounts::lines},
    {"documents", &CorpusCounts::documents},
    {"sentences", &CorpusCounts::sentences},
    {"empty_files", &CorpusCounts::empty_files},
    {"empty_documents", &CorpusCounts::empty_documents},
    {"cut_documents", &CorpusCounts::cut_documents},
    {"invalid_utf8", &CorpusCounts::invalid_utf8},
    {"nul_bytes", &CorpusCounts::nul_bytes},
    {"cut_lines", &CorpusCounts::cut_lines},
    {"rules", &CorpusCounts::rules},
    {"bad_lines", &CorpusCounts::bad_lines},
    {"lines_outside", &CorpusCounts::lines_outside},
    {"foreign_lines", &CorpusCounts::foreign_lines},
};
CorpusCounts& operator+=(CorpusCounts& sum, const CorpusCounts& counts);

// A line that could not be used.
struct LineFault {
  std::string file;
  std::uint64_t line = 0;  // from 1, counted from the first line that begins in the unit
  std::string what;
};

// "text.jsonl:2: the line has no field 'text'"
std::string to_text(const LineFault& fault);

// The error of a corpus without documents, with the first of the lines that could not be used.
std::string no_documents_text(const CorpusCounts& counts, const std::string& first_file,
                              const std::vector<LineFault>& faults);

// What bounds the memory of reading, in bytes: a longer line or document is cut, a longer line of
// JSONL left out.
struct DocumentLimits {
  std::size_t line = LineReader::kMaxLineBytes;
  std::size_t json_line = std::size_t{32} << 20;
  std::size_t document = std::size_t{8} << 20;

  // For a corpus that is held in memory anyway.
  static DocumentLimits none();
};

// Gives out the documents of a corpus one by one, in the order of its files, in bounded memory: a
// longer document is cut into several. The end of a file ends its document. Owns the open file.
//   sentences   a line is a sentence; blank lines separate documents
//   paragraphs  a line is a paragraph and is cut into sentences; blank lines separate documents
//   wrapped     lines of a paragraph are joined and it is cut into sentences; blank lines and rules
//               separate paragraphs; a document starts at a line in which `document_start` is
//               found, or, where that is empty, with each file
//   jsonl         a line is a document: its text stands in one field, a paragraph a line
//   wikiextractor a document stands between <doc ...> and </doc>, a paragraph a line; a first line
//                 that repeats the title is dropped
class DocumentReader {
 public:
  static constexpr std::size_t kMaxJsonLineBytes = DocumentLimits{}.json_line;
  static constexpr std::size_t kNamedFaults = 10;

  // Expands options.text. Throws DataError for missing files; UsageError for an unknown language, a
  // bad regular expression, one given for a layout other than wrapped, or a negative skip_lines.
  explicit DocumentReader(const CorpusOptions& options, DocumentLimits limits = {});
  // The documents of some units of the corpus.
  DocumentReader(const CorpusOptions& options, std::vector<TextUnit> units);
  DocumentReader(const CorpusOptions& options, TextUnit unit);
  ~DocumentReader();
  DocumentReader(DocumentReader&&) noexcept;
  DocumentReader& operator=(DocumentReader&&) noexcept;

  // Replaces `document` by the next; false at the end. Throws DataError for damaged files, and at
  // the end of a whole corpus when there was not one document.
  bool next(Document& document);
  // The first lines that could not be used.
  const std::vector<LineFault>& faults() const;

  // Up to the document given out last. Of units: bytes and lines are those that begin in them.
  CorpusCounts counts() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bertyard
