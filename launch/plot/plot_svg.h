// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "launch/plot/plot.h"

namespace bertyard {

// The plot as an SVG file of its own: white ground, no scripts, no fonts of its own. Colours are
// those of Okabe and Ito, which the colour-blind can tell apart.
std::string plot_svg(const Plot& plot);

// Throws UsageError unless `file`, given by `option`, is called .svg: no viewer opens it otherwise.
void require_svg_name(const std::string& file, std::string_view option);

// `text` for the inside of an element or attribute: markup escaped, and what XML 1.0 does not allow
// replaced by '?'.
std::string xml_text(std::string_view text);

}  // namespace bertyard
