// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "launch/plot/plot.h"

namespace bertyard {

// Where the curves are drawn; y grows downwards.
struct PixelFrame {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

struct PixelPoint {
  double x = 0;
  double y = 0;
  bool gap = false;  // no point: what comes next is not joined to what came before
};

PixelPoint pixel_of(const PlotPoint& point, const AxisRange& x, const AxisRange& y,
                    const PixelFrame& frame);

// The points in pixels. Of several in one column of pixels only the first, lowest, highest and last
// are kept (Jugel et al. 2014, "M4"), which draws the same picture from a file of bounded size.
std::vector<PixelPoint> thinned(const std::vector<PlotPoint>& points, const AxisRange& x,
                                const AxisRange& y, const PixelFrame& frame);

}  // namespace bertyard
