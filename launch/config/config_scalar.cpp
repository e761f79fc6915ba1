// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_scalar.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace bertyard {
namespace {

constexpr char kCountForm[] = "a whole number such as 768 or 16k";
constexpr char kRealForm[] = "a number such as 0.01 or 1e-4";
constexpr char kFractionForm[] = "a percentage such as 15% or a fraction such as 0.15";
constexpr char kBytesForm[] = "a size with a unit: KiB, MiB or GiB, such as 25 MiB";
constexpr char kAmountForm[] =
    "a number with a unit: steps, epochs, samples or tokens, such as 900k steps";
constexpr char kStepIntervalForm[] = "steps, such as 500 steps, or never";
constexpr char kTimeIntervalForm[] =
    "a number with a unit: steps, s, min, h or d, such as 30 min or 500 steps, or never";
constexpr char kDurationForm[] =
    "a time in s, min, h or d of at least 1 s, such as 5 min, or never";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t i) {
  while (i < text.size() && is_digit(text[i])) ++i;
  return i;
}

// A number and what follows it. `exponent` counts decimal places to shift, so that 2.3k is 2300 and
// 0.1% is 0.001 exactly as if written out.
struct Number {
  std::string digits;
  bool has_exponent = false;
  std::string_view rest;

  std::optional<double> value(int exponent) const {
    double result = 0;
    const std::string shifted =
        exponent == 0 || has_exponent ? digits : fmt::format("{}e{}", digits, exponent);
    const auto [end, error] =
        std::from_chars(shifted.data(), shifted.data() + shifted.size(), result);
    if (error != std::errc() || end != shifted.data() + shifted.size()) return std::nullopt;
    return has_exponent && exponent != 0 ? result * std::pow(10.0, exponent) : result;
  }
};

std::optional<Number> split_number(std::string_view text) {
  std::size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t first = i;
  i = skip_digits(text, i);
  if (i == first || (i - first > 1 && text[first] == '0')) return std::nullopt;
  if (i < text.size() && text[i] == '.') {
    const std::size_t end = skip_digits(text, i + 1);
    if (end == i + 1) return std::nullopt;
    i = end;
  }
  Number number;
  if (i < text.size() && text[i] == 'e') {
    const std::size_t sign = i + 1 < text.size() && (text[i + 1] == '-' || text[i + 1] == '+');
    const std::size_t end = skip_digits(text, i + 1 + sign);
    if (end > i + 1 + sign) {
      number.has_exponent = true;
      i = end;
    }
  }
  number.digits = text.substr(0, i);
  const std::size_t next = text.find_first_not_of(' ', i);
  number.rest = next == std::string_view::npos ? std::string_view() : text.substr(next);
  return number;
}

// Takes a decimal suffix k, M or G off the front of `rest`; a longer word is a unit, not a suffix.
int take_count_suffix(std::string_view& rest) {
  constexpr std::string_view kSuffixes = "kMG";
  if (rest.empty() || (rest.size() > 1 && rest[1] != ' ')) return 0;
  const std::size_t index = kSuffixes.find(rest[0]);
  if (index == std::string_view::npos) return 0;
  const std::size_t next = rest.find_first_not_of(' ', 1);
  rest = next == std::string_view::npos ? std::string_view() : rest.substr(next);
  return 3 * (static_cast<int>(index) + 1);
}

// 2^53: every smaller whole number is a double.
constexpr double kMaxCount = 9007199254740992.0;

bool is_whole(double value) {
  return std::abs(value) < kMaxCount && value == std::floor(value);
}

struct Unit {
  std::string_view name;
  double factor;
};

std::optional<double> unit_factor(std::string_view name, std::initializer_list<Unit> units) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

std::optional<AmountUnit> amount_unit(std::string_view name) {
  if (name == "steps" || name == "step") return AmountUnit::steps;
  if (name == "epochs" || name == "epoch") return AmountUnit::epochs;
  if (name == "samples" || name == "sample") return AmountUnit::samples;
  if (name == "tokens" || name == "token") return AmountUnit::tokens;
  return std::nullopt;
}

const char* form_of(IntervalUnits units) {
  switch (units) {
    case IntervalUnits::steps:
      return kStepIntervalForm;
    case IntervalUnits::steps_or_time:
      return kTimeIntervalForm;
    case IntervalUnits::time:
      return kDurationForm;
  }
  return "";
}

}  // namespace

std::int64_t parse_count(std::string_view text) {
  auto number = split_number(text);
  if (!number) throw ScalarError(kCountForm);
  const int exponent = take_count_suffix(number->rest);
  const auto value = number->value(exponent);
  if (!number->rest.empty() || !value) throw ScalarError(kCountForm);
  if (std::abs(*value) >= kMaxCount) throw ScalarError("a whole number below 2^53");
  if (!is_whole(*value)) throw ScalarError(kCountForm);
  return static_cast<std::int64_t>(*value);
}

double parse_real(std::string_view text) {
  const auto number = split_number(text);
  const auto value = number && number->rest.empty() ? number->value(0) : std::nullopt;
  if (!value) throw ScalarError(kRealForm);
  return *value;
}

double parse_fraction(std::string_view text) {
  const auto number = split_number(text);
  if (!number) throw ScalarError(kFractionForm);
  const bool is_percentage = number->rest == "%";
  if (!is_percentage && !number->rest.empty()) throw ScalarError(kFractionForm);
  const auto value = number->value(is_percentage ? -2 : 0);
  if (!value || *value < 0) throw ScalarError(kFractionForm);
  if (!is_percentage && *value == 1) {
    throw ScalarError("a percentage such as 1% or 100%, because a bare 1 could mean either");
  }
  if (*value > 1) throw ScalarError("a percentage from 0% to 100% or a fraction below 1");
  return *value;
}

bool parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw ScalarError("true or false");
}

std::uint64_t parse_bytes(std::string_view text) {
  const auto number = split_number(text);
  if (!number) throw ScalarError(kBytesForm);
  const auto factor =
      unit_factor(number->rest, {{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}});
  const auto value = number->value(0);
  if (!factor || !value || *value < 0 || !is_whole(*value * *factor)) {
    throw ScalarError(kBytesForm);
  }
  return static_cast<std::uint64_t>(*value * *factor);
}

Amount parse_amount(std::string_view text) {
  auto number = split_number(text);
  if (!number) throw ScalarError(kAmountForm);
  const int exponent = take_count_suffix(number->rest);
  const auto unit = amount_unit(number->rest);
  const auto value = number->value(exponent);
  if (!unit || !value || *value < 0) throw ScalarError(kAmountForm);
  if (*unit != AmountUnit::epochs && !is_whole(*value)) {
    throw ScalarError("a whole number of steps, samples or tokens");
  }
  return {*value, *unit};
}

Interval parse_interval(std::string_view text, IntervalUnits units) {
  const char* form = form_of(units);
  if (text == "never") return {};
  auto number = split_number(text);
  if (!number) throw ScalarError(form);
  const int exponent = take_count_suffix(number->rest);
  const auto value = number->value(exponent);
  if (!value || *value <= 0) throw ScalarError(form);
  const bool steps = number->rest == "steps" || number->rest == "step";
  if (steps && units != IntervalUnits::time) {
    if (!is_whole(*value)) throw ScalarError("a whole number of steps");
    return {static_cast<std::int64_t>(*value), 0};
  }
  const auto factor =
      unit_factor(number->rest, {{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"d", 86400.0}});
  if (!factor || exponent != 0 || units == IntervalUnits::steps) throw ScalarError(form);
  if (units == IntervalUnits::time && *value * *factor < 1) throw ScalarError(form);
  return {0, *value * *factor};
}

}  // namespace bertyard
