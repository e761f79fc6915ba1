// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace bertyard {

struct AxisRange {
  double low = 0;
  double high = 1;
  double span() const { return high - low; }
};

enum class ValueUnit {
  plain,
  count,  // 12.5k, 1M
  share,  // 0 to 1, written as per cent
};

// Equidistant values inside `range`: multiples of 1, 2, 2.5 or 5 times a power of ten, as many as
// there can be without exceeding `most`. Of counts only whole numbers.
struct AxisTicks {
  double spacing = 0;
  std::vector<double> values;
};
AxisTicks axis_ticks(const AxisRange& range, int most, ValueUnit unit = ValueUnit::plain);

// A tick's label, with as many digits as `spacing` needs.
std::string tick_text(double value, double spacing, ValueUnit unit);

// A measured value for a legend: three or four significant digits.
std::string value_text(double value, ValueUnit unit);

}  // namespace bertyard
