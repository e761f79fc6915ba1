// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "train/journal/console.h"

namespace bertyard {
namespace {

constexpr int kBarCells = 10;
constexpr std::int64_t kGroupedBelow = 1'000'000;

double fraction_done(const Progress& progress) {
  if (progress.total_steps <= 0) return 0;
  return std::clamp(static_cast<double>(progress.step) / static_cast<double>(progress.total_steps),
                    0.0, 1.0);
}

std::string bar(double fraction) {
  const int filled = static_cast<int>(fraction * kBarCells);
  return fmt::format("|{:<{}}|", std::string(static_cast<std::size_t>(filled), '#'), kBarCells);
}

std::string losses(const Progress& p, Color color) {
  const bool bold = color == Color::yes;
  std::string text =
      fmt::format("{}loss {:.3f}{}", bold ? "\x1b[1m" : "", p.loss, bold ? "\x1b[0m" : "");
  if (p.mlm_loss) {
    text += fmt::format(" ({} {:.3f}", p.token_task, *p.mlm_loss);
    if (p.sentence_loss) text += fmt::format(" {} {:.3f}", p.sentence_task, *p.sentence_loss);
    text += ")";
  }
  if (p.accuracy) text += fmt::format(" acc {:.2f}", *p.accuracy);
  return text;
}

std::string speed(const Progress& p) {
  std::string text = fmt::format("{} tok/s", shortened(p.tokens_per_second));
  if (p.flops_utilization) text += fmt::format(" ({:.0f}% MFU)", 100 * *p.flops_utilization);
  return text;
}

std::string memory(const Progress& p) {
  if (p.memory_total_gib <= 0) return fmt::format("mem {:.1f} GiB", p.memory_gib);
  return fmt::format("mem {:.1f}/{:.1f} GiB", p.memory_gib, p.memory_total_gib);
}

}  // namespace

std::string grouped(std::int64_t count) {
  std::string digits = std::to_string(count);
  const std::int64_t first = count < 0 ? 1 : 0;
  for (std::int64_t at = std::ssize(digits) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string shortened(double count) {
  if (!std::isfinite(count)) return "?";
  constexpr std::array<const char*, 5> kUnits = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  // 999.5 would be written as 1000.
  while (std::abs(count) >= 999.5 && unit + 1 < kUnits.size()) {
    count /= 1000;
    ++unit;
  }
  const bool decimal = unit > 0 && std::abs(count) < 9.95;
  return fmt::format("{:.{}f}{}", count, decimal ? 1 : 0, kUnits[unit]);
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto whole = static_cast<std::int64_t>(std::min(seconds + 0.5, 1e12));
  const std::int64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0) return fmt::format("{}d {:02}h", days, hours % 24);
  if (hours > 0) return fmt::format("{}h {:02}m", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{}m {:02}s", minutes, whole % 60);
  return fmt::format("{}s", whole);
}

std::string progress_line(const Progress& p, LineStyle style, Color color) {
  const double done = fraction_done(p);
  const std::string total = p.total_steps < kGroupedBelow
                                ? grouped(p.total_steps)
                                : shortened(static_cast<double>(p.total_steps));
  std::string line =
      fmt::format("{}  step {}/{}  {:.1f}% {} {}", p.run, grouped(p.step), total, 100 * done,
                  style == LineStyle::bar ? bar(done) : "", losses(p, color));
  line += fmt::format("  lr {:.1e}  gnorm {:.2f}  {}  data {:.1f}%  {}", p.learning_rate,
                      p.gradient_norm, speed(p), 100 * p.data_fraction, memory(p));
  if (p.seconds_left) line += "  ETA " + duration_text(*p.seconds_left);
  return line;
}

std::vector<std::string> banner_lines(const std::vector<BannerRow>& rows) {
  std::size_t width = 0;
  for (const BannerRow& row : rows) width = std::max(width, row.label.size());
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const BannerRow& row : rows) {
    lines.push_back(fmt::format("  {:<{}}  {}", row.label, width, row.text));
  }
  return lines;
}

}  // namespace bertyard
