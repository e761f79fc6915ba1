// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/plot/plot.h"
#include "train/journal/console.h"

namespace bertyard {

enum class PlotGlyphs {
  braille,  // eight dots a character
  ascii,
};

struct TerminalForm {
  int columns = 80;
  int rows = 18;  // of the curves; title, axis and legend stand around them
  PlotGlyphs glyphs = PlotGlyphs::braille;
  Color color = Color::no;
};

// What fits standard output: its width if it is a terminal, else 80 columns without colour.
TerminalForm terminal_form(PlotGlyphs glyphs);

// The plot as lines of text. Raw values beneath a smoothed curve are left out.
std::string plot_text(const Plot& plot, const TerminalForm& form);

}  // namespace bertyard
