// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_hints.h"

#include <algorithm>

#include <fmt/format.h>

#include "launch/config/config_field.h"
#include "launch/config/config_suggestion.h"

namespace bertyard {
namespace {

constexpr std::size_t kMaxPlaces = 3;

// "schedule.3." as the table has it: "schedule.*.".
std::string table_prefix(std::string_view prefix) {
  const bool is_phase = prefix.starts_with("schedule.") && prefix.size() > 9;
  return is_phase ? "schedule.*." : std::string(prefix);
}

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

}  // namespace

bool is_section(std::string_view key) {
  const std::string prefix = std::string(key) + ".";
  const auto& fields = config_fields();
  return std::any_of(fields.begin(), fields.end(), [&prefix](const ConfigField& field) {
    return field.key.starts_with(prefix) && !is_phase_field(field);
  });
}

std::vector<std::string> keys_under(std::string_view section) {
  const std::string prefix = section.empty() ? "" : std::string(section) + ".";
  std::vector<std::string> names;
  if (prefix.empty()) names.emplace_back("extends");
  for (const ConfigField& field : config_fields()) {
    if (!field.key.starts_with(prefix)) continue;
    const std::string rest = field.key.substr(prefix.size());
    const std::string name = rest.substr(0, rest.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

bool is_near_section(const std::string& name) {
  return nearest_name(name, keys_under("")).has_value();
}

std::string unknown_key_hint(std::string_view prefix, const std::string& name) {
  const std::string table = table_prefix(prefix);
  const auto siblings = keys_under(table.substr(0, table.empty() ? 0 : table.size() - 1));
  const auto nearest = nearest_name(name, siblings);
  if (nearest && edit_distance(name, *nearest) == 1) {
    return fmt::format("; did you mean '{}'?", *nearest);
  }
  std::vector<std::string> elsewhere;
  for (const ConfigField& field : config_fields()) {
    if (last_part(field.key) == name) elsewhere.push_back(field.key);
  }
  if (!elsewhere.empty() && elsewhere.size() <= kMaxPlaces) {
    return fmt::format("; '{}' exists as '{}'", name, fmt::join(elsewhere, "', '"));
  }
  if (nearest) return fmt::format("; did you mean '{}'?", *nearest);
  if (siblings.empty()) return {};
  return fmt::format("; expected one of: {}", fmt::join(siblings, ", "));
}

}  // namespace bertyard
