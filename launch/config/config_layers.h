// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "launch/config/config.h"
#include "launch/config/config_field.h"
#include "launch/config/config_tree.h"

namespace bertyard {

// A value that some layer gives.
struct ConfigValue {
  ConfigNode node;
  ConfigPlace key_place;
};

// The values that the layers give, later layers replacing earlier ones, and every mistake in them.
// Each layer is checked in full, also where a later one replaces it. Borrows the sources behind the
// places.
class ConfigLayers {
 public:
  explicit ConfigLayers(ConfigErrors& errors) : errors_(errors) {}

  // A whole file; 'extends' is the caller's.
  void add_file(const ConfigNode& root);
  // "a.b=value"; the source is the argument.
  void add_override(const ConfigSource& argument);

  const std::map<std::string, ConfigValue>& values() const { return values_; }
  // Where each phase of a given schedule stands; nothing where no layer gives a schedule.
  const std::optional<std::vector<ConfigPlace>>& phases() const { return phases_; }
  // Whether some layer has a mistake in this key, so that its value says nothing.
  bool has_mistake(const std::string& key) const { return mistaken_.count(key) > 0; }
  // Applies the values; all have been read once without a mistake.
  void apply(RunConfig& config) const;

 private:
  struct Path {
    std::string prefix;  // "optim." or nothing
    bool is_override = false;
  };
  void add_map(const ConfigNode& map, const Path& path);
  void add_entry(const ConfigEntry& entry, const Path& path);
  void add_leaf(const std::string& key, const ConfigEntry& entry, const ConfigField& field);
  void add_section(const std::string& key, const ConfigEntry& entry, const Path& path);
  void add_schedule(const ConfigEntry& entry, const Path& path);
  void add_phase_override(const ConfigEntry& entry);
  void add_unknown(const ConfigEntry& entry, const Path& path);
  bool refuse_by_name(const std::string& key, const ConfigPlace& place);
  void erase(const std::string& key);

  ConfigErrors& errors_;
  std::map<std::string, ConfigValue> values_;
  std::optional<std::vector<ConfigPlace>> phases_;
  std::set<std::string> mistaken_;
};

}  // namespace bertyard
