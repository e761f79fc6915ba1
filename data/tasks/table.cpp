// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/table.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "data/text/unicode.h"

namespace bertyard {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  while (true) {
    const std::size_t tab = line.find('\t');
    cells.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

void read_tsv(std::string_view text, Table& table) {
  TextLines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (trim(line).empty()) continue;
    table.rows.push_back({cells_of(line), lines.number(), std::ssize(table.rows)});
  }
}

// One pass over the bytes: RFC 4180 with either line end.
class CsvReader {
 public:
  CsvReader(std::string_view text, Table& table) : text_(text), table_(table) {}

  void run() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    while (at_ < text_.size()) read_row();
  }

 private:
  void read_row() {
    TableRow row{{}, line_, std::ssize(table_.rows)};
    bool open = true;
    while (open) open = read_cell(row);
    const bool empty = row.cells.size() == 1 && trim(row.cells[0]).empty();
    if (!empty) table_.rows.push_back(std::move(row));
  }
  // Whether another cell follows in this row.
  bool read_cell(TableRow& row) {
    std::string cell;
    if (at_ < text_.size() && text_[at_] == '"') read_quoted(cell);
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') cell += text_[at_++];
    if (!cell.empty() && cell.back() == '\r') cell.pop_back();
    row.cells.push_back(std::move(cell));
    if (at_ >= text_.size()) return false;
    const char end = text_[at_++];
    if (end == '\n') ++line_;
    return end == ',';
  }
  // To the end of the file the rest would be one cell, and the rows in it would be lost.
  void read_quoted(std::string& cell) {
    const std::int64_t opened = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        const bool doubled = at_ + 1 < text_.size() && text_[at_ + 1] == '"';
        ++at_;
        if (!doubled) return;
      }
      if (text_[at_] == '\n') ++line_;
      cell += text_[at_];
    }
    throw DataError(fmt::format(
        "{}:{}: a quote is opened here and not closed before the end of the file; close it, or, "
        "where it is part of the text, put the cell between quotes and double it",
        table_.path, opened));
  }

  std::string_view text_;
  Table& table_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

void read_json_line(std::string_view line, const TableRow& row, Table& table) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    table.bad_rows.push_back({table.place(row), "no JSON object"});
    return;
  }
  TableRow filled = row;
  for (const std::string& name : table.names) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) {
      filled.cells.emplace_back();
    } else if (found->is_string()) {
      filled.cells.push_back(found->get<std::string>());
    } else if (found->is_number() || found->is_boolean()) {
      filled.cells.push_back(found->dump());
    } else {
      table.bad_rows.push_back(
          {table.place(row), fmt::format("'{}' is neither a text nor a number", name)});
      return;
    }
  }
  table.rows.push_back(std::move(filled));
}

}  // namespace

TextLines::TextLines(std::string_view text) : rest_(text) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

bool TextLines::next(std::string_view& line) {
  if (rest_.empty()) return false;
  const std::size_t end = rest_.find('\n');
  line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return true;
}

std::string Table::place(const TableRow& row) const {
  return fmt::format("{}:{}", path, row.line);
}

Table read_table(const std::string& path, TaskFormat format, const std::vector<std::string>& keys) {
  Table table;
  table.path = path;
  const std::string text = read_file(path);
  if (format == TaskFormat::csv) {
    CsvReader(text, table).run();
  } else if (format == TaskFormat::jsonl) {
    table.names = keys;
    TextLines lines(text);
    std::int64_t index = 0;
    for (std::string_view line; lines.next(line);) {
      if (!trim(line).empty()) read_json_line(line, {{}, lines.number(), index++}, table);
    }
  } else {
    read_tsv(text, table);
  }
  return table;
}

TaskFormat format_of(const std::string& path) {
  struct Ending {
    std::string_view text;
    TaskFormat format;
  };
  constexpr std::array<Ending, 8> kEndings{{{".tsv", TaskFormat::tsv},
                                            {".txt", TaskFormat::tsv},
                                            {".csv", TaskFormat::csv},
                                            {".jsonl", TaskFormat::jsonl},
                                            {".conll", TaskFormat::conll},
                                            {".bio", TaskFormat::conll},
                                            {".iob", TaskFormat::conll},
                                            {".json", TaskFormat::squad}}};
  for (const Ending& ending : kEndings) {
    if (path.ends_with(ending.text)) return ending.format;
  }
  throw DataError(fmt::format(
      "{}: the name does not tell the format; set task.format to tsv, csv, jsonl, conll or squad",
      path));
}

}  // namespace bertyard
