// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_terminal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "data/text/utf8.h"
#include "launch/plot/plot_canvas.h"

namespace bertyard {
namespace {

using Glyphs = std::array<std::string_view, 8>;
constexpr Glyphs kCurves = {".", ":", "'", ",", ";", "~", "^", "\""};
constexpr Glyphs kAsciiPoints = {"x", "o", "*", "#", "%", "&", "@", "$"};
constexpr Glyphs kPoints = {"■", "●", "▲", "◆", "▼", "○", "□", "△"};

// Draws one plot; knows where everything stands.
class TerminalPlot {
 public:
  TerminalPlot(const Plot& plot, const TerminalForm& form)
      : plot_(plot), form_(form), x_(x_range(plot)), y_(y_range(plot)) {
    const auto is_curve = [](const PlotSeries& series) {
      return series.style == SeriesStyle::curve;
    };
    const auto curves = std::count_if(plot.series.begin(), plot.series.end(), is_curve);
    // Dots of two runs look the same where there is no colour.
    dots_ = form.glyphs == PlotGlyphs::braille && (curves < 2 || form.color == Color::yes);
    y_ticks_ = axis_ticks(y_, std::max(form.rows / 3, 2), plot.y.unit);
    for (const double value : y_ticks_.values) {
      margin_ = std::max(margin_, static_cast<int>(y_text(value).size()));
    }
    width_ = std::max(form.columns - margin_ - 3, 10);
  }

  std::string write() const {
    std::string text = plot_.title;
    if (!plot_.y.label.empty()) text += fmt::format(" ({})", plot_.y.label);
    text += "\n" + rows() + axis();
    for (const PlotSeries& series : plot_.series) {
      if (series.label.empty()) continue;
      const std::string_view sample = dots_ && glyph_of(series).empty() ? "⠒⠒" : glyph_of(series);
      text += fmt::format("  {} {}\n", colored(sample, series.color, form_.color), series.label);
    }
    return text;
  }

 private:
  bool ascii() const { return form_.glyphs == PlotGlyphs::ascii; }

  std::string y_text(double value) const {
    return tick_text(value, y_ticks_.spacing, plot_.y.unit);
  }

  // Empty: dots.
  std::string_view glyph_of(const PlotSeries& series) const {
    if (series.style == SeriesStyle::baseline) return ascii() ? "-" : "╌";
    const auto index = static_cast<std::size_t>(std::max(series.color, 0)) % kCurves.size();
    if (series.style == SeriesStyle::points) return ascii() ? kAsciiPoints[index] : kPoints[index];
    return dots_ ? std::string_view() : kCurves[index];
  }

  std::optional<PlotCanvas::Dot> dot_of(const PlotPoint& point, const PlotCanvas& canvas) const {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) return std::nullopt;
    const double across = (point.x - x_.low) / x_.span();
    const double up = (point.y - y_.low) / y_.span();
    return PlotCanvas::Dot{static_cast<int>(std::lround(across * (canvas.dots_across() - 1))),
                           static_cast<int>(std::lround((1 - up) * (canvas.dots_down() - 1)))};
  }

  void draw(const PlotSeries& series, PlotCanvas& canvas) const {
    if (series.style == SeriesStyle::faint) return;
    const PlotCanvas::Pen pen{glyph_of(series), series.color};
    std::optional<PlotCanvas::Dot> before;
    for (const PlotPoint& point : drawn_points(series, x_)) {
      const auto dot = dot_of(point, canvas);
      const bool join = before && series.style != SeriesStyle::points;
      if (dot) canvas.line(join ? *before : *dot, *dot, pen);
      before = dot;
    }
  }

  std::string rows() const {
    PlotCanvas canvas(width_, form_.rows);
    for (const PlotSeries* series : drawing_order(plot_)) draw(*series, canvas);
    std::string text;
    for (int row = 0; row < form_.rows; ++row) {
      const std::string label = label_of(row, canvas);
      const std::string_view edge = label.empty() ? (ascii() ? "|" : "│") : (ascii() ? "+" : "┤");
      text += fmt::format("{:>{}} {}{}\n", label, margin_, edge, canvas.row_text(row, form_.color));
    }
    return text;
  }

  std::string label_of(int row, const PlotCanvas& canvas) const {
    for (const double value : y_ticks_.values) {
      const auto dot = dot_of({x_.low, value}, canvas);
      if (dot && dot->y / 4 == row) return y_text(value);
    }
    return "";
  }

  std::string axis() const {
    std::string line(static_cast<std::size_t>(margin_) + 1, ' ');
    line += ascii() ? "+" : "└";
    for (int i = 0; i < width_; ++i) line += ascii() ? "-" : "─";
    const AxisTicks ticks = axis_ticks(x_, std::max(width_ / 12, 2), plot_.x.unit);
    std::string labels;
    for (const double value : ticks.values) {
      const std::string label = tick_text(value, ticks.spacing, plot_.x.unit);
      const double across = (value - x_.low) / x_.span() * (width_ - 1);
      const auto middle = static_cast<std::size_t>(margin_ + 2 + std::lround(across));
      const std::size_t first = middle - std::min(middle, label.size() / 2);
      const bool fits = labels.empty() || first > labels.size();
      if (!fits || first + label.size() > static_cast<std::size_t>(form_.columns)) continue;
      labels.resize(first, ' ');
      labels += label;
    }
    const bool room =
        labels.size() + plot_.x.label.size() < static_cast<std::size_t>(form_.columns);
    return fmt::format("{}\n{}{}{}\n", line, labels, room ? " " : "\n  ", plot_.x.label);
  }

  const Plot& plot_;
  TerminalForm form_;
  AxisRange x_;
  AxisRange y_;
  AxisTicks y_ticks_;
  int margin_ = 0;
  int width_ = 0;
  bool dots_ = false;
};

}  // namespace

TerminalForm terminal_form(PlotGlyphs glyphs) {
  TerminalForm form;
  form.glyphs = glyphs;
  if (::isatty(STDOUT_FILENO) == 0) return form;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    form.columns = std::clamp<int>(size.ws_col, 40, 160);
  }
  const char* no_color = std::getenv("NO_COLOR");
  form.color = no_color == nullptr || *no_color == '\0' ? Color::yes : Color::no;
  return form;
}

std::string plot_text(const Plot& plot, const TerminalForm& form) {
  return TerminalPlot(plot, form).write();
}

}  // namespace bertyard
