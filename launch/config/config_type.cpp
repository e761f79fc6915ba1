// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_type.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include <fmt/format.h>

#include "launch/config/config_suggestion.h"

namespace bertyard {
namespace {

constexpr char kTextSchema[] = R"({"type": ["string", "number", "boolean"]})";
constexpr char kNumberSchema[] = R"({"type": ["number", "string"]})";
constexpr char kUnitSchema[] = R"({"type": "string"})";
// std::regex recurses over the pattern.
constexpr std::size_t kMaxPatternBytes = 1000;

void check_pattern(const std::string& pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    throw ScalarError(fmt::format("at most {} bytes", kMaxPatternBytes));
  }
  try {
    const std::regex compiled(pattern, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    throw ScalarError(
        fmt::format("a regular expression (ECMAScript); it has a mistake: {}", error.what()));
  }
}

}  // namespace

const std::string& scalar_of(const ConfigNode& node, const std::string& expected) {
  if (node.kind != ConfigNode::Kind::scalar) throw ScalarError(expected);
  return node.text;
}

std::string schema_of_choices(const std::vector<std::string>& names) {
  return fmt::format(R"({{"enum": ["{}"]}})", fmt::join(names, R"(", ")"));
}

std::string choices_text(std::string_view found, const std::vector<std::string>& names) {
  const auto nearest = nearest_name(found, names);
  return fmt::format("{}{}{}", names.size() == 1 ? "" : "one of: ", fmt::join(names, ", "),
                     nearest ? fmt::format("; did you mean '{}'?", *nearest) : "");
}

// "~" is a shell's word: taken as it is, it would make a directory of that name.
std::string path_of(const ConfigNode& node, const std::string& wanted) {
  const std::string& text = scalar_of(node, wanted);
  if (text == "~" || text.starts_with("~/")) {
    throw ScalarError(wanted + " without '~', which only a shell knows; write it out");
  }
  return text;
}

void refuse_later(std::string_view found, const std::vector<LaterValue>& later) {
  for (const LaterValue& value : later) {
    if (value.name == found) throw RefusedValue(value.reason);
  }
}

std::string count_form(const CountRange& range) {
  return range.most >= std::int64_t{1} << 30
             ? fmt::format("whole number, at least {}", range.least)
             : fmt::format("whole number, {} to {}", range.least, range.most);
}

std::int64_t read_count(const ConfigNode& node, const CountRange& range) {
  const std::int64_t value = parse_count(scalar_of(node, "a whole number such as 768 or 16k"));
  if (value < range.least || value > range.most) throw ScalarError("a " + count_form(range));
  return value;
}

ConfigType<double> real_type(RealRange range) {
  std::string form =
      fmt::format("number {} {}", range.excludes_least ? "above" : "of at least", range.least);
  if (std::isfinite(range.below)) form += fmt::format(" and below {}", range.below);
  return {form, kNumberSchema,
          [range, form](const ConfigNode& node) {
            const double value = parse_real(scalar_of(node, "a number such as 0.01 or 1e-4"));
            const bool is_low =
                value < range.least || (range.excludes_least && value == range.least);
            if (is_low || value >= range.below) throw ScalarError("a " + form);
            return value;
          },
          [](const double& value) { return write_real(value); }};
}

ConfigType<double> fraction_type() {
  return {"percentage or fraction", kNumberSchema,
          [](const ConfigNode& node) {
            return parse_fraction(scalar_of(node, "a percentage such as 15%"));
          },
          [](const double& value) { return write_fraction(value); }};
}

ConfigType<bool> boolean_type() {
  return {"true | false", R"({"type": "boolean"})",
          [](const ConfigNode& node) { return parse_boolean(scalar_of(node, "true or false")); },
          [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

ConfigType<std::optional<bool>> automatic_boolean_type() {
  return {"auto | true | false", R"({"enum": ["auto", true, false]})",
          [](const ConfigNode& node) -> std::optional<bool> {
            const std::string& text = scalar_of(node, "auto, true or false");
            if (text == "auto") return std::nullopt;
            if (text != "true" && text != "false") throw ScalarError("auto, true or false");
            return text == "true";
          },
          [](const std::optional<bool>& value) {
            return std::string(!value ? "auto" : *value ? "true" : "false");
          }};
}

ConfigType<std::uint64_t> bytes_type() {
  return {"size in KiB, MiB or GiB", kUnitSchema,
          [](const ConfigNode& node) {
            const std::uint64_t value =
                parse_bytes(scalar_of(node, "a size with a unit, such as 25 MiB"));
            if (value == 0) throw ScalarError("a size above 0");
            return value;
          },
          [](const std::uint64_t& value) { return write_bytes(value); }};
}

ConfigType<Amount> amount_type() {
  return {"amount in steps, epochs, samples or tokens", kUnitSchema,
          [](const ConfigNode& node) {
            return parse_amount(scalar_of(node, "an amount with a unit, such as 900k steps"));
          },
          [](const Amount& value) { return write_amount(value); }};
}

ConfigType<Interval> interval_type(IntervalUnits units) {
  const std::string form = units == IntervalUnits::steps ? "steps | never"
                           : units == IntervalUnits::time
                               ? "time in s, min, h or d | never"
                               : "steps | time in s, min, h or d | never";
  return {form, kUnitSchema,
          [units](const ConfigNode& node) {
            const char* expected = units == IntervalUnits::time
                                       ? "a time such as 5 min, or never"
                                       : "an interval such as 500 steps, or never";
            return parse_interval(scalar_of(node, expected), units);
          },
          [](const Interval& value) { return write_interval(value); }};
}

ConfigType<std::int64_t> step_count_type() {
  return {"steps", kUnitSchema,
          [](const ConfigNode& node) {
            const char* expected = "a number with the unit steps, such as 10 steps";
            const std::string& text = scalar_of(node, expected);
            if (!text.ends_with("steps") && !text.ends_with("step")) throw ScalarError(expected);
            return parse_interval(text, IntervalUnits::steps).steps;
          },
          [](const std::int64_t& value) {
            return write_interval({value, 0});
          }};
}

ConfigType<double> duration_type(DurationRange range) {
  const std::string form = fmt::format("time in s, min, h or d, {:g} s to {}", range.least,
                                       write_interval({0, range.most}));
  return {form, kUnitSchema,
          [range, form](const ConfigNode& node) {
            const std::string& text = scalar_of(node, "a time with a unit, such as 90 s");
            const Interval time = parse_interval(text, IntervalUnits::steps_or_time);
            const bool is_time = time.steps == 0 && time.seconds > 0;
            if (!is_time || time.seconds < range.least || time.seconds > range.most) {
              throw ScalarError("a " + form);
            }
            return time.seconds;
          },
          [](const double& seconds) {
            return write_interval({0, seconds});
          }};
}

ConfigType<std::string> text_type() {
  return {"text", kTextSchema, [](const ConfigNode& node) { return scalar_of(node, "text"); },
          [](const std::string& value) { return write_text(value); }};
}

ConfigType<std::string> path_type() {
  ConfigType<std::string> type = text_type();
  type.form = "path";
  type.read = [](const ConfigNode& node) { return path_of(node, "a path"); };
  return type;
}

ConfigType<std::string> pattern_type() {
  ConfigType<std::string> type = text_type();
  type.form = "regular expression";
  type.read = [](const ConfigNode& node) {
    const std::string& pattern = scalar_of(node, "a regular expression");
    check_pattern(pattern);
    return pattern;
  };
  return type;
}

ConfigType<std::string> text_choice_type(std::vector<std::string> names) {
  ConfigType<std::string> type = text_type();
  type.form = fmt::format("{}", fmt::join(names, " | "));
  type.schema = schema_of_choices(names);
  type.read = [names](const ConfigNode& node) {
    const std::string& text = scalar_of(node, choices_text("", names));
    for (const std::string& name : names) {
      if (text == name) return text;
    }
    throw ScalarError(choices_text(text, names));
  };
  return type;
}

ConfigType<std::string> text_choice_or_path_type(std::vector<std::string> names) {
  ConfigType<std::string> type = text_choice_type(names);
  type.form += " | path";
  type.schema = text_type().schema;
  type.read = [names](const ConfigNode& node) {
    const std::string wanted = choices_text("", names) + ", or the path of a file";
    const std::string& text = scalar_of(node, wanted);
    const bool is_path = text.find_first_of("/.") != std::string::npos;
    if (is_path || std::find(names.begin(), names.end(), text) != names.end()) return text;
    throw ScalarError(wanted);
  };
  return type;
}

ConfigType<std::vector<std::string>> text_list_type() {
  return {"list of paths", R"({"type": ["array", "string"], "items": {"type": "string"}})",
          [](const ConfigNode& node) {
            std::vector<std::string> list;
            if (node.kind == ConfigNode::Kind::scalar) {
              list.push_back(path_of(node, "a list of paths"));
            }
            for (const ConfigNode& item : node.items) {
              list.push_back(path_of(item, "a list of paths"));
            }
            if (node.kind == ConfigNode::Kind::map) throw ScalarError("a list of paths");
            return list;
          },
          [](const std::vector<std::string>& value) {
            std::vector<std::string> items;
            items.reserve(value.size());
            for (const std::string& item : value) items.push_back(write_text(item));
            return fmt::format("[{}]", fmt::join(items, ", "));
          }};
}

ConfigType<std::string> fixed_type(const std::string& value, const std::vector<LaterValue>& later) {
  const bool is_boolean = value == "true" || value == "false";
  return {value,
          is_boolean ? fmt::format(R"({{"enum": [{}]}})", value) : schema_of_choices({value}),
          [value, later](const ConfigNode& node) {
            const std::string& text = scalar_of(node, value);
            refuse_later(text, later);
            if (text != value) throw ScalarError(value);
            return text;
          },
          [](const std::string& text) { return text; }};
}

}  // namespace bertyard
