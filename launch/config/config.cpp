// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config.h"

#include <fmt/format.h>

#include "launch/config/config_field.h"

namespace bertyard {

std::string ConfigOrigin::text() const {
  switch (kind) {
    case Kind::built_in:
      return "default";
    case Kind::preset:
      return "preset " + name;
    case Kind::derived:
      return "from " + name;
    case Kind::file:
      return fmt::format("{}:{}", name, line);
    case Kind::command_line:
    case Kind::change:
      return name;
  }
  return {};
}

std::string ConfigOrigin::place() const {
  return kind == Kind::file ? fmt::format("{}:{}:{}", name, line, column) : text();
}

ConfigOrigin LoadedConfig::origin_of(std::string_view key) const {
  const auto found = origins.find(key);
  return found == origins.end() ? ConfigOrigin() : found->second;
}

void require_keys(const LoadedConfig& loaded, const std::vector<std::string>& keys,
                  std::string_view verb) {
  ConfigErrors errors;
  for (const std::string& key : keys) {
    const ConfigField* field = find_field(key);
    BERTYARD_CHECK(field != nullptr, "config: no key " + key);
    const std::string value = field->write(loaded.config, 0);
    if (value != "\"\"" && value != "[]") continue;
    errors.add({}, fmt::format("'{}' is not set, but '{}' needs it ({}); write it into the "
                               "configuration, or {}=... on the command line",
                               key, verb, field->meaning, key));
  }
  errors.throw_if_any();
}

}  // namespace bertyard
