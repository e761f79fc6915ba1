// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "launch/config/config_scalar.h"
#include "launch/config/config_tree.h"

namespace bertyard {

// A value that this version knows by name and refuses; what() follows "'key: value' ".
class RefusedValue : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// How values of one kind are read, written and described. `form` is for people, `schema` a JSON
// schema fragment. read throws ScalarError or RefusedValue.
template <typename T>
struct ConfigType {
  std::string form;
  std::string schema;
  std::function<T(const ConfigNode&)> read;
  std::function<std::string(const T&)> write;
};

// A value of another version or build, and why it is refused here.
struct LaterValue {
  std::string name;
  std::string reason;
};
inline constexpr char kNotInThisVersion[] = "is not available in this version";

template <typename E>
struct NamedValue {
  E value;
  const char* name;
};

// The text of a scalar; throws ScalarError(expected) for a list or a section.
const std::string& scalar_of(const ConfigNode& node, const std::string& expected);
std::string schema_of_choices(const std::vector<std::string>& names);
// "one of: a, b; did you mean 'a'?"
std::string choices_text(std::string_view found, const std::vector<std::string>& names);
void refuse_later(std::string_view found, const std::vector<LaterValue>& later);

struct CountRange {
  std::int64_t least = 0;
  std::int64_t most = std::int64_t{1} << 53;
};
std::int64_t read_count(const ConfigNode& node, const CountRange& range);
std::string count_form(const CountRange& range);

template <typename T>
ConfigType<T> count_type(CountRange range) {
  constexpr auto kMost = static_cast<std::int64_t>(std::numeric_limits<T>::max() / 2);
  range.most = std::min(range.most, kMost);
  return {count_form(range), R"({"type": ["integer", "string"]})",
          [range](const ConfigNode& node) { return static_cast<T>(read_count(node, range)); },
          [](const T& value) { return write_count(static_cast<std::int64_t>(value)); }};
}

// `auto` is stored as 0.
template <typename T>
ConfigType<T> automatic_count_type(CountRange range) {
  ConfigType<T> type = count_type<T>(range);
  type.form = "auto or " + type.form;
  type.read = [read = type.read](const ConfigNode& node) {
    return node.kind == ConfigNode::Kind::scalar && node.text == "auto" ? T{0} : read(node);
  };
  type.write = [write = type.write](const T& value) { return value == 0 ? "auto" : write(value); };
  return type;
}

struct RealRange {
  double least = 0;
  double below = std::numeric_limits<double>::infinity();
  bool excludes_least = false;
};
ConfigType<double> real_type(RealRange range);
ConfigType<double> fraction_type();
ConfigType<bool> boolean_type();
ConfigType<std::optional<bool>> automatic_boolean_type();
ConfigType<std::uint64_t> bytes_type();
ConfigType<Amount> amount_type();
ConfigType<Interval> interval_type(IntervalUnits units);
ConfigType<std::int64_t> step_count_type();  // "10 steps"
struct DurationRange {
  double least = 0;  // seconds
  double most = 1e9;
};
ConfigType<double> duration_type(DurationRange range);  // "90 s", in seconds
ConfigType<std::string> text_type();
ConfigType<std::string> path_type();
ConfigType<std::string> pattern_type();  // an ECMAScript regular expression
ConfigType<std::string> text_choice_type(std::vector<std::string> names);
// One of the names, or the path of a file, which has a '/' or a '.' in it.
ConfigType<std::string> text_choice_or_path_type(std::vector<std::string> names);
ConfigType<std::vector<std::string>> text_list_type();
// Accepts one value only, which needs no place in RunConfig.
ConfigType<std::string> fixed_type(const std::string& value, const std::vector<LaterValue>& later);

template <typename E>
ConfigType<E> choice_type(std::span<const NamedValue<E>> values,
                          const std::vector<LaterValue>& later) {
  std::vector<std::string> names;
  for (const auto& value : values) names.emplace_back(value.name);
  const ConfigType<std::string> texts = text_choice_type(names);
  ConfigType<E> type;
  type.form = texts.form;
  type.schema = texts.schema;
  type.read = [values, names, later](const ConfigNode& node) {
    const std::string& text = scalar_of(node, choices_text("", names));
    for (const auto& value : values) {
      if (text == value.name) return value.value;
    }
    refuse_later(text, later);
    throw ScalarError(choices_text(text, names));
  };
  type.write = [values](const E& wanted) {
    for (const auto& value : values) {
      if (value.value == wanted) return std::string(value.name);
    }
    return std::string();
  };
  return type;
}

}  // namespace bertyard
