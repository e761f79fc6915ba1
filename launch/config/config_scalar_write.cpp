// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "launch/config/config_scalar.h"

namespace bertyard {
namespace {

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '-' || c == '+';
}

const char* name_of_unit(AmountUnit unit) {
  switch (unit) {
    case AmountUnit::steps:
      return "steps";
    case AmountUnit::epochs:
      return "epochs";
    case AmountUnit::samples:
      return "samples";
    case AmountUnit::tokens:
      return "tokens";
  }
  return "";
}

}  // namespace

std::string write_count(std::int64_t value) {
  const std::int64_t size = std::abs(value);
  if (size >= 1000000000 && size % 1000000000 == 0) return fmt::format("{}G", value / 1000000000);
  if (size >= 1000000 && size % 1000000 == 0) return fmt::format("{}M", value / 1000000);
  if (size >= 10000 && size % 1000 == 0) return fmt::format("{}k", value / 1000);
  return fmt::format("{}", value);
}

std::string write_real(double value) {
  std::string text = fmt::format("{}", value);
  const std::size_t padded = text.find("e-0");
  if (padded != std::string::npos) text.erase(padded + 2, 1);  // 1e-6, as people write it
  return text;
}

std::string write_fraction(double value) {
  std::string percentage = fmt::format("{}%", std::round(value * 1e6) / 1e4);
  try {
    if (parse_fraction(percentage) == value) return percentage;
  } catch (const ScalarError&) {
  }
  return write_real(value);
}

std::string write_bytes(std::uint64_t value) {
  if (value % (1ull << 30) == 0 && value > 0) return fmt::format("{} GiB", value >> 30);
  if (value % (1ull << 20) == 0) return fmt::format("{} MiB", value >> 20);
  return fmt::format("{} KiB", static_cast<double>(value) / 1024.0);
}

std::string write_amount(const Amount& amount) {
  const char* unit = name_of_unit(amount.unit);
  const bool is_whole = amount.value == std::floor(amount.value) && amount.value < 1e15;
  if (!is_whole) return fmt::format("{} {}", write_real(amount.value), unit);
  return fmt::format("{} {}", write_count(static_cast<std::int64_t>(amount.value)), unit);
}

std::string write_interval(const Interval& interval) {
  if (interval.steps > 0) return fmt::format("{} steps", write_count(interval.steps));
  if (interval.seconds <= 0) return "never";
  const double minutes = interval.seconds / 60;
  if (minutes == std::floor(minutes)) return fmt::format("{} min", minutes);
  return fmt::format("{} s", write_real(interval.seconds));
}

std::string write_text(std::string_view text) {
  const bool is_plain = !text.empty() &&
                        std::all_of(text.begin(), text.end(), is_plain_character) &&
                        text[0] != '-' && text != "null" && text != "Null" && text != "NULL";
  if (is_plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace bertyard
