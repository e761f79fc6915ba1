// SPDX-License-Identifier: Apache-2.0
#include "data/text/documents.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/text/document_start.h"
#include "data/text/json_line.h"
#include "data/text/sentence_splitter.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"

namespace bertyard {
namespace {

// What a sentence takes beside its text: documents of very short lines are bounded too.
constexpr std::size_t kSentenceBytes = 32;

// A line of at least three characters without a letter or digit among them, such as a row of
// dashes.
bool is_rule(std::string_view line) {
  int characters = 0;
  for (; !line.empty(); ++characters) {
    const DecodedCharacter character = decode_utf8(line);
    if (is_letter_or_digit(character.code)) return false;
    line.remove_prefix(character.bytes);
  }
  return characters >= 3;
}

bool starts_wiki_document(std::string_view line) {
  return line.starts_with("<doc ") && line.ends_with('>');
}

// Whether a line of plain text looks like one of another layout: JSON's, or WikiExtractor's mark.
bool is_foreign(std::string_view line) {
  const bool is_object = line.starts_with('{') && line.ends_with('}');
  return (is_object && line.find("\":") != std::string_view::npos) || starts_wiki_document(line);
}

// The title in <doc id="12" url="..." title="Anarchism">.
std::string wiki_title(std::string_view line) {
  constexpr std::string_view kTitle = " title=\"";
  const std::size_t at = line.find(kTitle);
  const std::size_t end = line.rfind('"');
  if (at == std::string_view::npos || end < at + kTitle.size()) return {};
  return std::string(line.substr(at + kTitle.size(), end - at - kTitle.size()));
}

std::string bad_lines_text(std::uint64_t lines, const std::vector<LineFault>& faults) {
  if (faults.empty()) return {};
  const LineFault& first = faults.front();
  return fmt::format("; {} {} could not be used, {}:{} because it {}", lines,
                     lines == 1 ? "line" : "lines", first.file, first.line, first.what);
}

}  // namespace

std::string to_text(const LineFault& fault) {
  return fmt::format("{}:{}: the line {}", fault.file, fault.line, fault.what);
}

std::string no_documents_text(const CorpusCounts& counts, const std::string& first_file,
                              const std::vector<LineFault>& faults) {
  return fmt::format(
      "corpus.text: not one document in {} {} ({} bytes, {} lines) from {}; check corpus.layout, "
      "document_start, field and skip_lines{}",
      counts.files, counts.files == 1 ? "file" : "files", counts.bytes, counts.lines, first_file,
      bad_lines_text(counts.bad_lines, faults));
}

std::uint64_t text_hash(const Document& document) {
  StreamingHash hash;
  for (const std::string& sentence : document.sentences) {
    hash.update(sentence);
    hash.update("\n");
  }
  return hash.digest();
}

DocumentLimits DocumentLimits::none() {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  return {kNone, kNone, kNone};
}

CorpusCounts& operator+=(CorpusCounts& sum, const CorpusCounts& counts) {
  for (const CorpusCountField& field : kCorpusCountFields) {
    sum.*field.member += counts.*field.member;
  }
  return sum;
}

// Reads lines and gathers them into paragraphs and documents. A line that starts a document is kept
// in line_ until next() is called again.
class DocumentReader::State {
 public:
  State(const CorpusOptions& options, DocumentLimits limits, std::vector<TextUnit> units,
        bool is_whole)
      : layout_(options.layout),
        limits_(limits),
        skip_lines_(options.skip_lines),
        splitter_(options.language),
        start_(options.document_start),
        json_(options.field),
        units_(std::move(units)),
        is_whole_(is_whole) {
    if (!options.document_start.empty() && layout_ != TextLayout::wrapped) {
      throw UsageError(
          "corpus.document_start is for corpus.layout: wrapped; in the other layouts "
          "blank lines or marks separate documents");
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
        if (is_whole_) require_documents();
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
  const std::vector<LineFault>& faults() const { return faults_; }

 private:
  const TextUnit& unit() const { return units_[next_unit_ - 1]; }
  bool is_past_unit() const { return reader_->line_begin() >= unit().end; }

  // Gathers lines until one that ends the document; false when there is nothing left.
  bool read_document(Document& document) {
    if (!reader_ && !open_next_unit()) return false;
    document.file = reader_->path();
    document_bytes_ = 0;
    bool open = !std::exchange(line_waits_, false) || add_line(document);
    while (open) {
      if (!next_line()) {
        close_unit();
        break;
      }
      if (starts_next_unit()) {
        close_unit();
        break;
      }
      line_waits_ = document_bytes_ > 0 && must_end_before_line();
      open = !line_waits_ && add_line(document);
    }
    end_paragraph(document);
    return true;
  }

  // Whether line_ marks the start of a document that belongs to the next unit.
  bool starts_next_unit() const { return is_past_unit() && is_mark(); }

  // Whether a document of the layout starts at line_, or behind it.
  bool is_mark() const {
    switch (layout_) {
      case TextLayout::sentences:
      case TextLayout::paragraphs:
        return trim(line_).empty();
      case TextLayout::wrapped:
        return start_.matches(line_);
      case TextLayout::jsonl:
        return !reader_->line_continues();
      case TextLayout::wikiextractor:
        return starts_wiki_document(line_);
    }
    return false;
  }

  bool must_end_before_line() {
    if (start_.matches(line_)) return true;
    if (layout_ == TextLayout::wikiextractor && starts_wiki_document(line_)) return true;
    const bool is_full = document_bytes_ + line_.size() > limits_.document;
    counts_.cut_documents += is_full ? 1 : 0;
    return is_full;
  }

  // Takes in line_; false when it ends the document.
  bool add_line(Document& document) {
    if (layout_ == TextLayout::jsonl) return add_json_line(document);
    const std::string_view text = trim(line_);
    if (layout_ == TextLayout::wikiextractor) return add_wiki_line(text, document);
    const bool is_break = text.empty() || (layout_ == TextLayout::wrapped && is_rule(text));
    if (is_break) {
      counts_.rules += text.empty() ? 0 : 1;
      end_paragraph(document);
      if (layout_ == TextLayout::wrapped) return true;
      counts_.empty_documents += document_bytes_ == 0 ? 1 : 0;
      return document_bytes_ == 0;
    }
    begin_text(text, document);
    counts_.foreign_lines += is_foreign(text) ? 1 : 0;
    if (layout_ == TextLayout::sentences) {
      document.sentences.emplace_back(text);
    } else if (layout_ == TextLayout::paragraphs) {
      splitter_.split(text, document.sentences);
    } else {
      if (paragraph_.size() + text.size() > limits_.line) end_paragraph(document);
      if (!paragraph_.empty()) paragraph_ += ' ';
      paragraph_ += text;
    }
    return true;
  }

  void begin_text(std::string_view text, Document& document) {
    if (document_bytes_ == 0) document.line = reader_->line_number();
    document_bytes_ += text.size() + kSentenceBytes;
  }

  // A line is a document, whose text ends in the same call.
  bool add_json_line(Document& document) {
    if (reader_->line_continues()) return true;  // named at its first piece
    if (!reader_->line_complete()) {
      add_fault(fmt::format("is longer than {} MiB", limits_.json_line >> 20));
      return true;
    }
    if (trim(line_).empty()) return true;
    if (!json_.parse(line_)) {
      add_fault(json_.fault());
      return true;
    }
    document.line = reader_->line_number();
    json_text_ = json_.text();
    counts_.nul_bytes += std::erase(json_text_, '\0');
    std::string_view rest = json_text_;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      splitter_.split(rest.substr(0, end), document.sentences);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    counts_.empty_documents += document.sentences.empty() ? 1 : 0;
    return document.sentences.empty();
  }

  bool add_wiki_line(std::string_view text, Document& document) {
    if (starts_wiki_document(text)) {
      title_ = wiki_title(text);
      inside_wiki_ = true;
      return true;
    }
    if (text == "</doc>") {
      inside_wiki_ = false;
      counts_.empty_documents += document_bytes_ == 0 ? 1 : 0;
      return document_bytes_ == 0;
    }
    if (text.empty()) return true;
    if (!inside_wiki_) {
      ++counts_.lines_outside;
      return true;
    }
    if (text == std::exchange(title_, {})) return true;
    begin_text(text, document);
    splitter_.split(text, document.sentences);
    return true;
  }

  void add_fault(std::string what) {
    ++counts_.bad_lines;
    if (faults_.size() == kNamedFaults) return;
    faults_.push_back({reader_->path(), reader_->line_number(), std::move(what)});
  }

  void end_paragraph(Document& document) {
    splitter_.split(paragraph_, document.sentences);
    paragraph_.clear();
  }

  // The next unit in which a document can begin.
  bool open_next_unit() {
    while (!reader_ && next_unit_ < units_.size()) {
      const TextUnit& unit = units_[next_unit_++];
      const bool is_json = layout_ == TextLayout::jsonl;
      reader_.emplace(unit.path, is_json ? limits_.json_line : limits_.line, unit.begin, unit.end);
      inside_wiki_ = false;
      own_lines_ = 0;
      skipped_cut_lines_ = 0;
      counts_.files += unit.begin == 0 ? 1 : 0;
      unit.begin == 0 ? skip_head() : skip_to_first_document();
    }
    return reader_.has_value();
  }

  void skip_head() {
    std::string_view skipped;
    while (reader_->line_number() < static_cast<std::uint64_t>(skip_lines_) &&
           reader_->next(skipped)) {
    }
    own_lines_ = reader_->line_number();
  }

  // Leaves the lines to the unit before that belong to a document which begins there.
  void skip_to_first_document() {
    if (layout_ == TextLayout::jsonl) return;
    const CorpusCounts before = counts_;  // what is wrong with them is counted there too
    while (next_line() && !is_past_unit()) {
      if (!is_mark()) continue;
      counts_ = before;
      skipped_cut_lines_ = reader_->cut_lines();
      line_waits_ = layout_ != TextLayout::sentences && layout_ != TextLayout::paragraphs;
      return;
    }
    counts_ = before;
    close_unit();
  }

  void add_reader_counts(CorpusCounts& counts) const {
    const bool is_to_the_end = unit().end == TextUnit::kToTheEnd;
    const std::uint64_t before = unit().begin == 0 ? 0 : 1;  // a byte read to find a line's start
    counts.bytes += is_to_the_end ? reader_->bytes() - before : unit().end - unit().begin;
    counts.lines += own_lines_;
    counts.cut_lines += reader_->cut_lines() - skipped_cut_lines_;
  }

  void close_unit() {
    add_reader_counts(counts_);
    counts_.empty_files += reader_->bytes() == 0 && unit().begin == 0 ? 1 : 0;
    reader_.reset();
  }

  // The next line into line_, made valid UTF-8 without NULs.
  bool next_line() {
    std::string_view line;
    if (!reader_->next(line)) return false;
    if (!is_past_unit()) own_lines_ = reader_->line_number();
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
    throw DataError(no_documents_text(counts_, units_.front().path, faults_));
  }

  TextLayout layout_;
  DocumentLimits limits_;
  std::int64_t skip_lines_;
  SentenceSplitter splitter_;
  DocumentStart start_;
  JsonLine json_;
  std::vector<TextUnit> units_;
  bool is_whole_;
  std::size_t next_unit_ = 0;
  std::optional<LineReader> reader_;
  std::uint64_t own_lines_ = 0;  // that begin in the unit
  std::uint64_t skipped_cut_lines_ = 0;
  std::string line_;
  bool line_waits_ = false;
  std::size_t document_bytes_ = 0;  // of the document being gathered
  std::string paragraph_;
  std::string json_text_;
  std::string title_;
  bool inside_wiki_ = false;
  CorpusCounts counts_;
  std::vector<LineFault> faults_;
};

DocumentReader::DocumentReader(const CorpusOptions& options, DocumentLimits limits)
    : state_(std::make_unique<State>(options, limits, plan_text_units(options, TextUnit::kToTheEnd),
                                     true)) {}
DocumentReader::DocumentReader(const CorpusOptions& options, std::vector<TextUnit> units)
    : state_(std::make_unique<State>(options, DocumentLimits(), std::move(units), false)) {}
DocumentReader::DocumentReader(const CorpusOptions& options, TextUnit unit)
    : DocumentReader(options, std::vector{std::move(unit)}) {}
DocumentReader::~DocumentReader() = default;
DocumentReader::DocumentReader(DocumentReader&&) noexcept = default;
DocumentReader& DocumentReader::operator=(DocumentReader&&) noexcept = default;

bool DocumentReader::next(Document& document) {
  return state_->next(document);
}
CorpusCounts DocumentReader::counts() const {
  return state_->counts();
}
const std::vector<LineFault>& DocumentReader::faults() const {
  return state_->faults();
}

}  // namespace bertyard
