// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_canvas.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "data/text/utf8.h"
#include "launch/plot/plot.h"

namespace bertyard {
namespace {

constexpr char32_t kBraille = 0x2800;
// The bit of each dot, by row and column.
constexpr std::array<std::array<unsigned, 2>, 4> kDots = {
    {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
// Cyan, yellow, magenta, green, red, bright blue, bright yellow, white: legible on black and white.
constexpr std::array<int, 8> kColors = {36, 33, 35, 32, 31, 94, 93, 37};

}  // namespace

void PlotCanvas::point(Dot at, const Pen& pen) {
  if (at.x < 0 || at.y < 0 || at.x >= dots_across() || at.y >= dots_down()) return;
  Cell& cell = cells_[static_cast<std::size_t>(at.y / 4) * static_cast<std::size_t>(columns_) +
                      static_cast<std::size_t>(at.x / 2)];
  cell.color = pen.color;
  if (!pen.glyph.empty()) {
    cell.glyph = pen.glyph;
  } else {
    cell.glyph = {};
    cell.dots |= kDots[static_cast<std::size_t>(at.y % 4)][static_cast<std::size_t>(at.x % 2)];
  }
}

void PlotCanvas::line(Dot from, Dot to, const Pen& pen) {
  const int steps = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1});
  for (int i = 0; i <= steps; ++i) {
    const auto between = [&](int a, int b) {
      return a + (2 * (b - a) * i + (b >= a ? steps : -steps)) / (2 * steps);
    };
    point({between(from.x, to.x), between(from.y, to.y)}, pen);
  }
}

std::string PlotCanvas::row_text(int row, Color color) const {
  const auto first = cells_.begin() + row * columns_;
  auto last = first + columns_;
  while (last != first && std::prev(last)->empty()) --last;
  std::string text;
  for (auto cell = first; cell != last; ++cell) {
    std::string glyph = " ";
    if (!cell->glyph.empty()) {
      glyph = cell->glyph;
    } else if (cell->dots != 0) {
      glyph.clear();
      append_utf8(kBraille + cell->dots, glyph);
    }
    text += cell->empty() ? glyph : colored(glyph, cell->color, color);
  }
  return text;
}

std::string colored(std::string_view text, int series_color, Color color) {
  if (color == Color::no) return std::string(text);
  const int code = series_color == kNeutralColor
                       ? 90
                       : kColors[static_cast<std::size_t>(series_color) % kColors.size()];
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace bertyard
