// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/utf8.h"
#include "launch/plot/plot_pixels.h"

namespace bertyard {
namespace {

// In pixels.
constexpr double kWidth = 880;
constexpr double kPlotHeight = 400;
constexpr double kRight = 28;
constexpr double kLegendTop = 62;
constexpr double kLegendRow = 22;
constexpr double kLegendMark = 34;  // the sample of the line, before the text
constexpr double kLegendGap = 26;
constexpr double kCharacter = 7.2;  // mean width of the 13 px font

constexpr std::string_view kNeutral = "#666666";
constexpr std::array<std::string_view, 8> kPalette = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                      "#E69F00", "#56B4E9", "#7A4EAB", "#000000"};

std::string_view color_of(const PlotSeries& series) {
  if (series.color == kNeutralColor) return kNeutral;
  return kPalette[static_cast<std::size_t>(series.color) % kPalette.size()];
}

std::string text_element(double x, double y, std::string_view attributes, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", x, y, attributes,
                     xml_text(text));
}

std::string line_element(double x1, double y1, double x2, double y2, std::string_view attributes) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"{}/>\n", x1, y1,
                     x2, y2, attributes);
}

std::string stroke_of(const PlotSeries& series) {
  switch (series.style) {
    case SeriesStyle::curve:
      return fmt::format(" stroke=\"{}\" stroke-width=\"2\"", color_of(series));
    case SeriesStyle::faint:
      return fmt::format(" stroke=\"{}\" stroke-width=\"1\" stroke-opacity=\"0.3\"",
                         color_of(series));
    case SeriesStyle::points:
      return fmt::format(" stroke=\"{}\" stroke-width=\"1.2\" stroke-opacity=\"0.7\"",
                         color_of(series));
    case SeriesStyle::baseline:
      return fmt::format(" stroke=\"{}\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"",
                         color_of(series));
  }
  return "";
}

std::string marker(const PlotSeries& series, double x, double y) {
  return fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\" stroke=\"#ffffff\"/>\n", x, y,
      color_of(series));
}

// Draws one plot; knows where everything stands.
class SvgWriter {
 public:
  explicit SvgWriter(const Plot& plot) : plot_(plot), x_(x_range(plot)), y_(y_range(plot)) {
    place_legend();
    x_ticks_ = axis_ticks(x_, 9, plot.x.unit);
    y_ticks_ = axis_ticks(y_, 9, plot.y.unit);
    std::size_t widest = 1;
    for (const double value : y_ticks_.values) widest = std::max(widest, y_text(value).size());
    frame_ = {plot.y.label.empty() ? 20.0 : 50.0, legend_bottom_, kWidth - kRight,
              legend_bottom_ + kPlotHeight};
    frame_.left += kCharacter * static_cast<double>(widest);
  }

  std::string write() {
    const double height = frame_.bottom + 58;
    text_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" font-size=\"13\" fill=\"#333333\" "
        "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif\">\n"
        "<title>{2}</title>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n",
        kWidth, height, xml_text(plot_.title));
    text_ +=
        text_element(24, 34, " font-size=\"18\" font-weight=\"600\" fill=\"#111111\"", plot_.title);
    grid();
    for (const PlotSeries* series : drawing_order(plot_)) draw(*series);
    legend();
    return text_ + "</svg>\n";
  }

 private:
  struct LegendPlace {
    const PlotSeries* series;
    double x;
    double y;
  };

  std::string y_text(double value) const {
    return tick_text(value, y_ticks_.spacing, plot_.y.unit);
  }

  // From left to right; a new row where one is full.
  void place_legend() {
    double x = 24;
    double y = kLegendTop;
    for (const PlotSeries& series : plot_.series) {
      if (series.label.empty()) continue;
      const auto characters = static_cast<double>(series.label.size());
      const double width = kLegendMark + kCharacter * characters + kLegendGap;
      if (x > 24 && x + width > kWidth) {
        x = 24;
        y += kLegendRow;
      }
      legend_.push_back({&series, x, y});
      x += width;
    }
    legend_bottom_ = y + 18;
  }

  PixelPoint place(const PlotPoint& point) const { return pixel_of(point, x_, y_, frame_); }

  void grid() {
    for (const double value : y_ticks_.values) {
      const double y = place({x_.low, value}).y;
      text_ += line_element(frame_.left, y, frame_.right, y, " stroke=\"#e4e4e4\"");
      text_ += text_element(frame_.left - 9, y + 4.5, " text-anchor=\"end\"", y_text(value));
    }
    for (const double value : x_ticks_.values) {
      const double x = place({value, y_.low}).x;
      text_ += line_element(x, frame_.top, x, frame_.bottom, " stroke=\"#f1f1f1\"");
      text_ += line_element(x, frame_.bottom, x, frame_.bottom + 5, " stroke=\"#888888\"");
      text_ += text_element(x, frame_.bottom + 21, " text-anchor=\"middle\"",
                            tick_text(value, x_ticks_.spacing, plot_.x.unit));
    }
    text_ += line_element(frame_.left, frame_.bottom, frame_.right, frame_.bottom,
                          " stroke=\"#888888\"");
    text_ += text_element((frame_.left + frame_.right) / 2, frame_.bottom + 44,
                          " text-anchor=\"middle\"", plot_.x.label);
    if (plot_.y.label.empty()) return;
    const double middle = (frame_.top + frame_.bottom) / 2;
    text_ += text_element(
        22, middle,
        fmt::format(" text-anchor=\"middle\" transform=\"rotate(-90 22 {:.1f})\"", middle),
        plot_.y.label);
  }

  void draw(const PlotSeries& series) {
    std::string path;
    bool joined = false;
    const auto pixels = thinned(drawn_points(series, x_), x_, y_, frame_);
    for (const PixelPoint& pixel : pixels) {
      if (pixel.gap) {
        joined = false;
        continue;
      }
      // A line of no length makes a dot of a point without neighbours.
      path += fmt::format("{}{:.1f} {:.1f}{}", joined ? "L" : "M", pixel.x, pixel.y,
                          joined ? "" : "h0");
      joined = true;
    }
    text_ += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{}/>\n",
        path, stroke_of(series));
    // A curve of one point has no length to be seen by.
    if (series.style != SeriesStyle::points && pixels.size() != 1) return;
    for (const PixelPoint& pixel : pixels) {
      if (!pixel.gap) text_ += marker(series, pixel.x, pixel.y);
    }
  }

  void legend() {
    for (const LegendPlace& entry : legend_) {
      const double y = entry.y - 4.5;
      text_ += line_element(entry.x, y, entry.x + kLegendMark - 8, y, stroke_of(*entry.series));
      if (entry.series->style == SeriesStyle::points) {
        text_ += marker(*entry.series, entry.x + (kLegendMark - 8) / 2, y);
      }
      text_ += text_element(entry.x + kLegendMark, entry.y, "", entry.series->label);
    }
  }

  const Plot& plot_;
  AxisRange x_;
  AxisRange y_;
  AxisTicks x_ticks_;
  AxisTicks y_ticks_;
  PixelFrame frame_;
  std::vector<LegendPlace> legend_;
  double legend_bottom_ = 0;
  std::string text_;
};

}  // namespace

std::string plot_svg(const Plot& plot) {
  return SvgWriter(plot).write();
}

std::string xml_text(std::string_view text) {
  const bool valid = is_valid_utf8(text);
  std::string escaped;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    const bool allowed = code >= 0x20 && code != 0x7F && (code < 0x80 || valid);
    if (!allowed) {
      escaped += '?';
    } else if (byte == '&') {
      escaped += "&amp;";
    } else if (byte == '<') {
      escaped += "&lt;";
    } else if (byte == '>') {
      escaped += "&gt;";
    } else if (byte == '"') {
      escaped += "&quot;";
    } else {
      escaped += byte;
    }
  }
  return escaped;
}

void require_svg_name(const std::string& file, std::string_view option) {
  if (file.empty() || file.ends_with(".svg")) return;
  throw UsageError(
      fmt::format("{} {}: expected a name that ends in .svg, for SVG is written", option, file));
}

}  // namespace bertyard
