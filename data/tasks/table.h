// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tasks/task_options.h"

namespace bertyard {

struct TableRow {
  std::vector<std::string> cells;
  std::int64_t line = 0;   // where the row begins
  std::int64_t index = 0;  // of the rows of the file before it, bad ones too
};

// A whole file of rows in memory: downstream sets are small.
struct Table {
  std::string path;
  std::vector<std::string> names;  // the keys of JSONL; for TSV and CSV empty: the first row tells
  std::vector<TableRow> rows;
  std::vector<BadRow> bad_rows;  // that could not even be cut into cells

  std::string place(const TableRow& row) const;  // "train.tsv:12"
};

// TSV: cells between tabs, quotes are text, as GLUE's files have them. CSV: RFC 4180, quoted cells
// may hold commas, doubled quotes and line ends. JSONL: the values of `keys` in each line's object,
// numbers as they stand. A byte order mark is dropped, lines end in LF or CRLF, empty ones are
// skipped. DataError where the file cannot be read, or a quote of a CSV is still open at its end.
Table read_table(const std::string& path, TaskFormat format, const std::vector<std::string>& keys);

// By the end of the name: .tsv .txt, .csv, .jsonl, .conll .bio .iob, .json. DataError for others.
TaskFormat format_of(const std::string& path);

// Lines of a text with their numbers, without their ends and a byte order mark.
class TextLines {
 public:
  explicit TextLines(std::string_view text);
  bool next(std::string_view& line);
  std::int64_t number() const { return number_; }  // of the last line, from 1

 private:
  std::string_view rest_;
  std::int64_t number_ = 0;
};

}  // namespace bertyard
