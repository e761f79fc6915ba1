// SPDX-License-Identifier: Apache-2.0
#include "data/documents.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/document_start.h"
#include "data/sentence_splitter.h"
#include "data/text_file.h"
#include "data/text_paths.h"
#include "data/unicode.h"

namespace bertyard {
namespace {

// A line of at least three characters without a letter or digit among them, such as a row of
// dashes.
bool is_rule(std::string_view line) {
  if (line.size() < 3) return false;
  while (!line.empty()) {
    const DecodedCharacter character = decode_utf8(line);
    if (is_letter_or_digit(character.code)) return false;
    line.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace

std::uint64_t text_hash(const Document& document) {
  StreamingHash hash;
  for (const std::string& sentence : document.sentences) {
    hash.update(sentence);
    hash.update("\n");
  }
  return hash.digest();
}

// Reads lines and gathers them into paragraphs and documents. A line that starts a document is kept
// in line_ until next() is called again.
class DocumentReader::State {
 public:
  explicit State(const CorpusOptions& options)
      : layout_(options.layout),
        skip_lines_(options.skip_lines),
        splitter_(options.language),
        start_(options.document_start),
        files_(expand_text_paths(options.text)) {
    if (!options.document_start.empty() && layout_ != TextLayout::wrapped) {
      throw UsageError(
          "corpus.document_start is for corpus.layout: wrapped; in the other layouts "
          "blank lines separate documents");
    }
    if (skip_lines_ < 0) {
      throw UsageError(fmt::format("corpus.skip_lines is {}, expected 0 or more", skip_lines_));
    }
  }

  bool next(Document& document) {
    do {
      document.sentences.clear();
      document.line = 0;
      if (!read_document(document)) {
        require_documents();
        return false;
      }
    } while (document.sentences.empty());
    ++counts_.documents;
    counts_.sentences += document.sentences.size();
    return true;
  }

  CorpusCounts counts() const {
    CorpusCounts counts = counts_;
    if (reader_) add_reader_counts(counts);
    return counts;
  }
  const std::vector<std::string>& files() const { return files_; }

 private:
  // Gathers lines until one that ends the document; false when there are no files left.
  bool read_document(Document& document) {
    if (!reader_ && !open_next_file()) return false;
    document.file = reader_->path();
    document_bytes_ = 0;
    bool open = !std::exchange(line_waits_, false) || add_line(document);
    while (open) {
      if (!next_line()) {
        close_file();
        break;
      }
      line_waits_ = document_bytes_ > 0 && must_end_before_line();
      open = !line_waits_ && add_line(document);
    }
    end_paragraph(document);
    return true;
  }

  bool must_end_before_line() {
    if (start_.matches(line_)) return true;
    const bool is_full = document_bytes_ + line_.size() > kMaxDocumentBytes;
    counts_.cut_documents += is_full ? 1 : 0;
    return is_full;
  }

  // Takes in line_; false when it ends the document.
  bool add_line(Document& document) {
    const std::string_view text = trim(line_);
    const bool is_break = text.empty() || (layout_ == TextLayout::wrapped && is_rule(text));
    if (is_break) {
      counts_.rules += text.empty() ? 0 : 1;
      end_paragraph(document);
      if (layout_ == TextLayout::wrapped) return true;
      counts_.empty_documents += document_bytes_ == 0 ? 1 : 0;
      return document_bytes_ == 0;
    }
    if (document_bytes_ == 0) document.line = reader_->line_number();
    document_bytes_ += text.size();
    switch (layout_) {
      case TextLayout::sentences:
        document.sentences.emplace_back(text);
        break;
      case TextLayout::paragraphs:
        splitter_.split(text, document.sentences);
        break;
      case TextLayout::wrapped:
        if (paragraph_.size() + text.size() > LineReader::kMaxLineBytes) end_paragraph(document);
        if (!paragraph_.empty()) paragraph_ += ' ';
        paragraph_ += text;
        break;
    }
    return true;
  }

  void end_paragraph(Document& document) {
    splitter_.split(paragraph_, document.sentences);
    paragraph_.clear();
  }

  bool open_next_file() {
    if (next_file_ == files_.size()) return false;
    reader_.emplace(files_[next_file_++]);
    ++counts_.files;
    std::string_view skipped;
    while (reader_->line_number() < static_cast<std::uint64_t>(skip_lines_) &&
           reader_->next(skipped)) {
    }
    return true;
  }

  void add_reader_counts(CorpusCounts& counts) const {
    counts.bytes += reader_->bytes();
    counts.lines += reader_->line_number();
    counts.cut_lines += reader_->cut_lines();
  }

  void close_file() {
    add_reader_counts(counts_);
    counts_.empty_files += reader_->bytes() == 0 ? 1 : 0;
    reader_.reset();
  }

  // The next line into line_, made valid UTF-8 without NULs.
  bool next_line() {
    std::string_view line;
    if (!reader_->next(line)) return false;
    line_.clear();
    if (is_ascii(line)) {
      line_.append(line);
    } else {
      counts_.invalid_utf8 += append_valid_utf8(line, line_);
    }
    if (line_.find('\0') != std::string::npos) counts_.nul_bytes += std::erase(line_, '\0');
    return true;
  }

  void require_documents() const {
    if (counts_.documents > 0) return;
    throw DataError(
        fmt::format("corpus.text: not one document in {} {} ({} bytes, {} lines) from "
                    "{}; check corpus.layout, document_start and skip_lines",
                    files_.size(), files_.size() == 1 ? "file" : "files", counts_.bytes,
                    counts_.lines, files_.front()));
  }

  TextLayout layout_;
  std::int64_t skip_lines_;
  SentenceSplitter splitter_;
  DocumentStart start_;
  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::optional<LineReader> reader_;
  std::string line_;
  bool line_waits_ = false;
  std::size_t document_bytes_ = 0;  // of the document being gathered
  std::string paragraph_;
  CorpusCounts counts_;
};

DocumentReader::DocumentReader(const CorpusOptions& options)
    : state_(std::make_unique<State>(options)) {}
DocumentReader::~DocumentReader() = default;
DocumentReader::DocumentReader(DocumentReader&&) noexcept = default;
DocumentReader& DocumentReader::operator=(DocumentReader&&) noexcept = default;

bool DocumentReader::next(Document& document) {
  return state_->next(document);
}
CorpusCounts DocumentReader::counts() const {
  return state_->counts();
}
const std::vector<std::string>& DocumentReader::files() const {
  return state_->files();
}

}  // namespace bertyard
