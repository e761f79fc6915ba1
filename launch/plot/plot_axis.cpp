// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_axis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace bertyard {
namespace {

constexpr double kSlack = 1e-9;  // of one spacing: ticks on the very edge count as inside

AxisTicks ticks_of(const AxisRange& range, double spacing) {
  AxisTicks ticks{spacing, {}};
  const double first = std::ceil(range.low / spacing - kSlack);
  const double last = std::floor(range.high / spacing + kSlack);
  for (double i = first; i <= last; ++i) ticks.values.push_back(i * spacing + 0.0);
  return ticks;
}

// Digits behind the point that multiples of `spacing` need: 1 for 0.5, 2 for 0.25.
int decimals_of(double spacing) {
  int decimals = 0;
  double rest = spacing;
  while (decimals < 12 && std::abs(rest - std::round(rest)) > 1e-6 * rest) {
    rest *= 10;
    ++decimals;
  }
  return decimals;
}

std::string count_text(double value) {
  struct Suffix {
    double unit;
    const char* letter;
  };
  static constexpr std::array<Suffix, 4> kSuffixes = {
      {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const Suffix& suffix : kSuffixes) {
    if (std::abs(value) >= suffix.unit)
      return fmt::format("{:g}{}", value / suffix.unit, suffix.letter);
  }
  return fmt::format("{:g}", value);
}

}  // namespace

AxisTicks axis_ticks(const AxisRange& range, int most, ValueUnit unit) {
  double finest = range.span() / std::max(most, 1);
  if (unit == ValueUnit::count) finest = std::max(finest, 1.0);
  if (!(finest > 0) || !std::isfinite(finest)) return {1, {range.low}};
  const double power = std::pow(10.0, std::floor(std::log10(finest)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0, 20.0}) {
    const double spacing = factor * power;
    const bool fits = unit != ValueUnit::count || spacing == std::floor(spacing);
    if (spacing < finest * (1 - kSlack) || !fits) continue;
    AxisTicks ticks = ticks_of(range, spacing);
    if (static_cast<int>(ticks.values.size()) <= most) return ticks;
  }
  return ticks_of(range, 50 * power);
}

std::string tick_text(double value, double spacing, ValueUnit unit) {
  if (unit == ValueUnit::count) return count_text(value);
  if (unit == ValueUnit::share) {
    return fmt::format("{:.{}f}%", 100 * value, decimals_of(100 * spacing));
  }
  if (value != 0 && (spacing < 1e-3 || std::abs(value) >= 1e5)) return fmt::format("{:g}", value);
  return fmt::format("{:.{}f}", value, decimals_of(spacing));
}

std::string value_text(double value, ValueUnit unit) {
  if (unit == ValueUnit::share) return fmt::format("{:.1f}%", 100 * value);
  if (unit == ValueUnit::count && std::abs(value) >= 1000) {
    const double digits = std::floor(std::log10(std::abs(value))) - 2;
    const double scale = std::pow(10.0, digits);
    return count_text(std::round(value / scale) * scale);
  }
  return fmt::format("{:.4g}", value);
}

}  // namespace bertyard
