// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/json_line.h"
#include "data/tokenizer/line_batches.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// What was read so far.
struct TextCounts {
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;         // with [CLS] and [SEP]
  std::uint64_t cut_texts = 0;      // longer than max_length
  std::uint64_t bad_lines = 0;      // no JSON object with the field, or far too long
  std::uint64_t invalid_utf8 = 0;   // sequences that became U+FFFD
  std::vector<std::string> faults;  // the first bad lines: file:line: what
};

// Reads texts, a line each, in windows: `[CLS] text [SEP]` as ids. Owns the open file; borrows
// tokenizer and vocabulary.
class TextWindows {
 public:
  struct Options {
    std::vector<std::string> files;
    // All files are JSONL, with the text under this key; empty: those named .jsonl, .jsonl.gz or
    // .jsonl.zst are, with "text", and of the others the line is the text.
    std::string field;
    std::int64_t max_length = 512;
    std::uint64_t window_tokens = 1 << 16;  // a window ends with the batch of lines that passes it
  };
  TextWindows(const Options& options, const Tokenizer& tokenizer, const Vocabulary& vocabulary);

  // Replaces `texts`, of which a bad line is an empty one; false at the end.
  bool next(std::vector<std::vector<std::uint32_t>>& texts);
  const TextCounts& counts() const { return counts_; }

 private:
  bool reads_json() const;  // of the file at hand
  void note_fault(std::uint64_t number, std::string_view fault);
  std::vector<std::uint32_t> ids_of(std::string_view line, std::uint64_t number);

  Options options_;
  TokenizerWorker tokenizer_;
  SpecialTokens special_;
  BatchReader reader_;
  JsonLine json_;
  LineBatch batch_;
  std::string valid_;
  TextCounts counts_;
};

}  // namespace bertyard
