// SPDX-License-Identifier: Apache-2.0
#include "launch/console/text_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/utf8.h"

namespace bertyard {

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  rows_.push_back(std::move(titles));
}

void TextTable::add(std::vector<std::string> cells) {
  BERTYARD_CHECK(cells.size() == columns_.size(),
                 fmt::format("table: {} cells in {} columns", cells.size(), columns_.size()));
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], count_characters(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - count_characters(row[i]), ' ');
      const bool right = columns_[i].align == Align::right;
      line += "  " + (right ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string section_text(const std::string& heading, const std::vector<BannerRow>& rows) {
  std::string text = heading + "\n";
  for (const std::string& line : banner_lines(rows)) text += line + "\n";
  return text;
}

}  // namespace bertyard
