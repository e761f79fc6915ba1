// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_layers.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "launch/config/config_hints.h"

namespace bertyard {
namespace {

using Kind = ConfigNode::Kind;

constexpr std::size_t kMaxPhases = 100;
constexpr std::size_t kMaxShownValue = 80;

std::string describe(const ConfigNode& node) {
  if (node.kind == Kind::list) return node.items.empty() ? "an empty list" : "a list";
  if (node.kind == Kind::map) return "a section";
  if (node.text.size() <= kMaxShownValue) return fmt::format("'{}'", node.text);
  return fmt::format("'{}...'", node.text.substr(0, kMaxShownValue));
}

std::optional<std::size_t> phase_number(const std::string& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A one-entry tree for "a.b.c=value".
ConfigNode nest(std::string_view key, const ConfigPlace& place, ConfigNode value) {
  ConfigNode node = std::move(value);
  while (!key.empty()) {
    const std::size_t dot = key.rfind('.');
    const std::string_view last = dot == std::string_view::npos ? key : key.substr(dot + 1);
    ConfigNode outer = make_node(Kind::map, place);
    outer.entries.push_back({std::string(last), place, std::move(node)});
    node = std::move(outer);
    key = dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
  }
  return node;
}

}  // namespace

void ConfigLayers::add_file(const ConfigNode& root) {
  if (root.kind == Kind::empty) return;
  if (root.kind != Kind::map) {
    errors_.add(root.place, "expected sections such as 'model:' at the top of the file");
    return;
  }
  add_map(root, {});
}

void ConfigLayers::add_override(const ConfigSource& argument) {
  const ConfigPlace place{&argument, 1, 1};
  const std::size_t equals = argument.text.find('=');
  const std::string key = argument.text.substr(0, equals);
  const bool is_malformed = equals == std::string::npos || key.empty() || key.front() == '.' ||
                            key.back() == '.' || key.find("..") != std::string::npos ||
                            std::count(key.begin(), key.end(), '.') > kMaxConfigDepth;
  if (is_malformed) {
    errors_.add(place, fmt::format("'{}' is no override, expected key=value such as optim.lr=5e-4",
                                   argument.text));
    return;
  }
  if (key == "extends") {
    errors_.add(place, "'extends' stands in a file only; use --set-file");
    return;
  }
  const std::string_view text = std::string_view(argument.text).substr(equals + 1);
  ConfigErrors found;
  ConfigNode value = parse_yaml(argument, text, static_cast<int>(equals) + 2, found);
  errors_.append(found);
  if (!found.empty()) return;
  if (value.place.source == nullptr) value.place = {&argument, 1, static_cast<int>(equals) + 2};
  add_map(nest(key, place, std::move(value)), {"", true});
}

void ConfigLayers::add_map(const ConfigNode& map, const Path& path) {
  for (const ConfigEntry& entry : map.entries) add_entry(entry, path);
}

void ConfigLayers::add_entry(const ConfigEntry& entry, const Path& path) {
  const std::string key = path.prefix + entry.key;
  if (key == "extends") return;
  if (refuse_by_name(key, entry.place)) return;
  if (key == "schedule") {
    add_schedule(entry, path);
  } else if (const ConfigField* field = find_field(key)) {
    add_leaf(key, entry, *field);
  } else if (is_section(key)) {
    add_section(key, entry, path);
  } else {
    add_unknown(entry, path);
  }
}

void ConfigLayers::add_leaf(const std::string& key, const ConfigEntry& entry,
                            const ConfigField& field) {
  if (entry.value.kind == Kind::null) {
    erase(key);
    return;
  }
  if (entry.value.kind == Kind::empty) {
    errors_.add(entry.place,
                fmt::format("'{}' has no value; write one, or null for the default", key));
    return;
  }
  RunConfig trial;
  try {
    field.read(trial, 0, entry.value);
    values_[key] = {entry.value, entry.place};
  } catch (const RefusedValue& refused) {
    mistaken_.insert(key);
    errors_.add(entry.value.place,
                fmt::format("'{}: {}' {}", key, entry.value.text, refused.what()));
  } catch (const ScalarError& expected) {
    mistaken_.insert(key);
    errors_.add(entry.value.place, fmt::format("'{}' is {}, expected {}", key,
                                               describe(entry.value), expected.what()));
  }
}

void ConfigLayers::add_section(const std::string& key, const ConfigEntry& entry, const Path& path) {
  const bool is_automatic = key == "parallel.micro_batch" && entry.value.text == "auto";
  if (entry.value.kind == Kind::map) {
    add_map(entry.value, {key + ".", path.is_override});
  } else if (entry.value.kind == Kind::null || is_automatic) {
    erase(key);
  } else if (entry.value.kind != Kind::empty) {
    errors_.add(entry.value.place,
                fmt::format("'{}' is {}, expected a section with keys such as '{}'", key,
                            describe(entry.value), keys_under(key).front()));
  }
}

void ConfigLayers::add_schedule(const ConfigEntry& entry, const Path& path) {
  const ConfigNode& node = entry.value;
  if (node.kind == Kind::map && path.is_override) {
    add_phase_override(node.entries.front());
    return;
  }
  if (node.kind == Kind::null) {
    erase("schedule");
    return;
  }
  if (node.kind != Kind::list || node.items.empty() || node.items.size() > kMaxPhases) {
    errors_.add(node.kind == Kind::empty ? entry.place : node.place,
                fmt::format("'schedule' is a list of 1 to {} phases, such as "
                            "- {{until: 900k steps, length: 128, global_batch: 256}}",
                            kMaxPhases));
    return;
  }
  erase("schedule");
  phases_.emplace();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const ConfigNode& phase = node.items[i];
    phases_->push_back(phase.place);
    if (phase.kind != Kind::map) {
      mistaken_.insert(fmt::format("schedule.{}.until", i));
      errors_.add(phase.place, fmt::format("'schedule.{}' is {}, expected {{until: 900k steps, "
                                           "length: 128, global_batch: 256}}",
                                           i, describe(phase)));
      continue;
    }
    const bool has_end = std::any_of(phase.entries.begin(), phase.entries.end(),
                                     [](const auto& field) { return field.key == "until"; });
    if (!has_end) {
      errors_.add(phase.place, fmt::format("'schedule.{}' has no 'until', expected its end such as "
                                           "until: 900k steps",
                                           i));
      mistaken_.insert(fmt::format("schedule.{}.until", i));
    }
    add_map(phase, {fmt::format("schedule.{}.", i), path.is_override});
  }
}

void ConfigLayers::add_phase_override(const ConfigEntry& entry) {
  const std::size_t count = phases_ ? phases_->size() : RunConfig().schedule.size();
  const auto number = phase_number(entry.key);
  if (!number || *number >= count) {
    errors_.add(entry.place,
                fmt::format("the schedule has no phase '{}', expected schedule.0{}", entry.key,
                            count > 1 ? fmt::format(" to schedule.{}", count - 1) : ""));
    return;
  }
  if (entry.value.kind != Kind::map) {
    errors_.add(entry.value.place,
                fmt::format("'schedule.{}' is {}, expected schedule.{}.until=..., "
                            ".length=... or .global_batch=...",
                            *number, describe(entry.value), *number));
    return;
  }
  add_map(entry.value, {fmt::format("schedule.{}.", *number), true});
}

void ConfigLayers::add_unknown(const ConfigEntry& entry, const Path& path) {
  const std::string key = path.prefix + entry.key;
  const bool has_entries = entry.value.kind == Kind::map && !entry.value.entries.empty();
  if (!path.prefix.empty() || !has_entries || is_near_section(entry.key)) {
    errors_.add(entry.place,
                fmt::format("unknown key '{}'{}", key, unknown_key_hint(path.prefix, entry.key)));
    return;
  }
  for (const ConfigEntry& inner : entry.value.entries) {
    errors_.add(inner.place, fmt::format("unknown key '{}.{}'{}", key, inner.key,
                                         unknown_key_hint(key + ".", inner.key)));
  }
}

bool ConfigLayers::refuse_by_name(const std::string& key, const ConfigPlace& place) {
  const auto& refused = refused_keys();
  const auto found = std::find_if(refused.begin(), refused.end(),
                                  [&key](const RefusedKey& entry) { return entry.key == key; });
  if (found == refused.end()) return false;
  errors_.add(place, fmt::format("'{}' {}", key, found->reason));
  return true;
}

void ConfigLayers::erase(const std::string& key) {
  if (key == "schedule") phases_.reset();
  std::erase_if(values_, [&key](const auto& value) {
    return value.first == key || value.first.starts_with(key + ".");
  });
}

void ConfigLayers::apply(RunConfig& config) const {
  if (phases_) config.schedule.assign(phases_->size(), Phase());
  for (const auto& [key, value] : values_) {
    const ConfigField* field = find_field(key);
    std::size_t phase = 0;
    if (is_phase_field(*field)) phase = *phase_number(key.substr(9, key.find('.', 9) - 9));
    field->read(config, phase, value.node);
  }
}

}  // namespace bertyard
