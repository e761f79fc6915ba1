// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_pixels.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace bertyard {
namespace {

// The first, lowest, highest and last of one column, in the order in which they came.
void append_column(std::vector<PixelPoint>& out, const std::vector<PixelPoint>& column) {
  if (column.empty()) return;
  const auto [low, high] =
      std::minmax_element(column.begin(), column.end(),
                          [](const PixelPoint& a, const PixelPoint& b) { return a.y < b.y; });
  std::vector<std::ptrdiff_t> kept = {0, low - column.begin(), high - column.begin(),
                                      std::ssize(column) - 1};
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  for (const std::ptrdiff_t index : kept) out.push_back(column[static_cast<std::size_t>(index)]);
}

}  // namespace

PixelPoint pixel_of(const PlotPoint& point, const AxisRange& x, const AxisRange& y,
                    const PixelFrame& frame) {
  if (!std::isfinite(point.x) || !std::isfinite(point.y)) return {0, 0, true};
  const double across = (point.x - x.low) / x.span();
  const double up = (point.y - y.low) / y.span();
  return {frame.left + across * (frame.right - frame.left),
          frame.bottom - up * (frame.bottom - frame.top)};
}

std::vector<PixelPoint> thinned(const std::vector<PlotPoint>& points, const AxisRange& x,
                                const AxisRange& y, const PixelFrame& frame) {
  std::vector<PixelPoint> out;
  std::vector<PixelPoint> column;
  for (const PlotPoint& point : points) {
    const PixelPoint pixel = pixel_of(point, x, y, frame);
    if (pixel.gap || (!column.empty() && std::floor(pixel.x) != std::floor(column[0].x))) {
      append_column(out, column);
      column.clear();
    }
    if (pixel.gap) {
      out.push_back(pixel);
    } else {
      column.push_back(pixel);
    }
  }
  append_column(out, column);
  return out;
}

}  // namespace bertyard
