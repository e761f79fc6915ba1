// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/plot/plot_svg.h"
#include "launch/plot/plot_terminal.h"
#include "tests/launch/plot/well_formed.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Plot small_plot() {
  Plot plot;
  plot.title = "a<b & \"c\"";
  plot.x = {"step", ValueUnit::count};
  plot.y = {"nats", ValueUnit::plain};
  plot.series = {
      {"train 2", SeriesStyle::curve, 0, {{0, 10}, {10, 6}, {20, 4}, {30, kNan}, {40, 2}}},
      {"held out 3", SeriesStyle::points, 1, {{20, 5}, {40, 3}}},
      {"unigram 7", SeriesStyle::baseline, kNeutralColor, {{20, 7}, {40, 7}}}};
  return plot;
}

std::string text_of(const Plot& plot, PlotGlyphs glyphs, Color color = Color::no) {
  return plot_text(plot, {.columns = 44, .rows = 8, .glyphs = glyphs, .color = color});
}

TEST(PlotSvgTest, IsWellFormedXml) {
  EXPECT_EQ(testing::xml_fault(plot_svg(small_plot())), "");
  EXPECT_EQ(testing::xml_fault(plot_svg(Plot())), "");
}

TEST(PlotSvgTest, TheCheckItselfFindsFaults) {
  for (const char* faulty : {"<a>", "<a></b>", "<a b=1/>", "<a>&x</a>", "<a b=\"<\"/>", "<a/><a/>",
                             "text", "<a b=\"1\" b=\"2\"/>"}) {
    EXPECT_NE(testing::xml_fault(faulty), "") << faulty;
  }
}

TEST(PlotSvgTest, DrawsEverySeriesAtItsPlace) {
  const std::string svg = plot_svg(small_plot());

  EXPECT_THAT(svg, HasSubstr(">a&lt;b &amp; &quot;c&quot;</text>"));
  EXPECT_THAT(svg, HasSubstr("stroke-dasharray"));
  EXPECT_THAT(svg, HasSubstr(">unigram 7</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  // x 0 to 40 on 64.4 to 852.0, y 1.6 to 10.4 on 480 to 80; the gap begins a second line.
  EXPECT_THAT(svg, HasSubstr("<path d=\"M64.4 98.2h0L261.3 280.0L458.2 370.9M852.0 461.8h0\""));
  EXPECT_THAT(svg, HasSubstr("<circle cx=\"852.0\" cy=\"416.4\" r=\"4\" fill=\"#D55E00\""));
}

TEST(PlotSvgTest, ACurveOfManyPointsMakesASmallFile) {
  Plot plot = small_plot();
  plot.series[0].points.clear();
  for (int i = 0; i < 200000; ++i)
    plot.series[0].points.push_back({1.0 * i, 1.0 * (i * 7919 % 1000)});

  EXPECT_LT(plot_svg(plot).size(), 100000u);
}

TEST(XmlTextTest, ReplacesWhatXmlDoesNotAllow) {
  EXPECT_EQ(xml_text("a\x01z\n"), "a?z?");
  EXPECT_EQ(xml_text("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(xml_text("caf\xC3"), "caf?");
}

TEST(PlotTextTest, AsciiGolden) {
  EXPECT_EQ(text_of(small_plot(), PlotGlyphs::ascii), R"(a<b & "c" (nats)
10 +..
   |  ...
   |    ...
   |-------...-----------------------------
 5 +         ......    o
   |              ......
   |                                      o
   |                                      .
   +---------------------------------------
    0                 20                 40
  step
  . train 2
  o held out 3
  - unigram 7
)");
}

TEST(PlotTextTest, BrailleGolden) {
  EXPECT_EQ(text_of(small_plot(), PlotGlyphs::braille), R"(a<b & "c" (nats)
10 ┤⠢⣀
   │  ⠑⢄⡀
   │    ⠈⠢⢄
   │╌╌╌╌╌╌╌⠑⠤⡀╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 5 ┤         ⠈⠑⠒⠤⢄⡀    ●
   │              ⠈⠉⠒⠢⠤⣀
   │                                      ●
   │                                      ⠠
   └───────────────────────────────────────
    0                 20                 40
  step
  ⠒⠒ train 2
  ● held out 3
  ╌ unigram 7
)");
}

TEST(PlotTextTest, EscapesOnlyWithColour) {
  EXPECT_THAT(text_of(small_plot(), PlotGlyphs::braille), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text_of(small_plot(), PlotGlyphs::braille, Color::yes),
              HasSubstr("\x1b[33m●\x1b[0m"));
}

TEST(PlotTextTest, TwoCurvesWithoutColourAreToldApart) {
  Plot plot = small_plot();
  plot.series.push_back({"second", SeriesStyle::curve, 1, {{0, 2}, {40, 9}}});

  const std::string text = text_of(plot, PlotGlyphs::braille);

  EXPECT_THAT(text, HasSubstr("  . train 2\n"));
  EXPECT_THAT(text, HasSubstr("  : second\n"));
}

TEST(PlotTextTest, AnyWidthIsDrawn) {
  for (const int columns : {1, 5, 13, 40, 500}) {
    const std::string text = plot_text(small_plot(), {.columns = columns, .rows = 3});
    EXPECT_THAT(text, HasSubstr("unigram 7")) << columns;
  }
}

}  // namespace
}  // namespace bertyard
