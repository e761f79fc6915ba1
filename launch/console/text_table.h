// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "train/journal/console.h"

namespace bertyard {

enum class Align { left, right };

// Rows of text in columns, each as wide as its widest cell.
class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit TextTable(std::vector<Column> columns);

  // One cell a column.
  void add(std::vector<std::string> cells);
  // Title line and rows, indented by two; without blanks at the ends of lines.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// A heading and labelled rows beneath it.
std::string section_text(const std::string& heading, const std::vector<BannerRow>& rows);

}  // namespace bertyard
