// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/journal/console.h"

namespace bertyard {

// Character cells of eight dots each, two across and four down. Dots are counted from the top left.
class PlotCanvas {
 public:
  PlotCanvas(int columns, int rows)
      : columns_(columns),
        cells_(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}

  int dots_across() const { return 2 * columns_; }
  int dots_down() const { return 4 * static_cast<int>(cells_.size()) / columns_; }

  // Braille where `glyph` is empty, else that character in every cell the line passes.
  struct Pen {
    std::string_view glyph;
    int color = 0;
  };
  struct Dot {
    int x = 0;
    int y = 0;
  };
  void point(Dot at, const Pen& pen);
  void line(Dot from, Dot to, const Pen& pen);

  // One line of text, with escapes where `color` says so and no blanks at its end.
  std::string row_text(int row, Color color) const;

 private:
  struct Cell {
    unsigned dots = 0;  // as Unicode numbers them
    std::string_view glyph;
    int color = 0;
    bool empty() const { return dots == 0 && glyph.empty(); }
  };

  int columns_;
  std::vector<Cell> cells_;
};

// `text` in the colour of a series; as it is where there is none.
std::string colored(std::string_view text, int series_color, Color color);

}  // namespace bertyard
