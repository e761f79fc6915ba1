// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/documents.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

enum class OffsetUnit { characters, bytes };

struct TokenizeFilesOptions {
  std::vector<std::string> files;  // as corpus.text; "-" is standard input
  std::string field;               // of JSONL; empty: every line is a text
  OffsetUnit offsets = OffsetUnit::characters;
  bool lines_wanted = true;  // false: count only
  int threads = 1;

  // Longer lines are bad ones: as in preparing, or what offsets of 32 bits hold with room to spare.
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 30;
  static constexpr std::size_t kMaxJsonLineBytes = DocumentReader::kMaxJsonLineBytes;
  std::size_t max_line_bytes() const { return field.empty() ? kMaxLineBytes : kMaxJsonLineBytes; }
};

struct TokenizeFilesReport {
  std::uint64_t texts = 0;
  std::uint64_t bytes = 0;  // of the texts
  std::uint64_t tokens = 0;
  std::uint64_t unknown = 0;  // of these [UNK]
  std::uint64_t hash = 0;     // XXH3 of all ids as little-endian u32, an end mark after each text
  std::uint64_t invalid_utf8 = 0;   // sequences replaced by U+FFFD
  std::uint64_t bad_lines = 0;      // too long, or of JSONL and without the text
  std::vector<std::string> faults;  // the first bad lines: "file:line: what is wrong"
};

// Tokenises every line of the files. `write` gets JSON lines, in the order of the texts whatever
// the number of threads, one for every line in: {"tokens":[...],"ids":[...],"offsets":[[0,3],...]},
// or null for a bad line. Offsets count from the front of the text.
TokenizeFilesReport tokenize_files(const TokenizeFilesOptions& options, const Tokenizer& tokenizer,
                                   const Vocabulary& vocabulary,
                                   const std::function<void(std::string_view)>& write);

}  // namespace bertyard
