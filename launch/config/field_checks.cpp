// SPDX-License-Identifier: Apache-2.0
#include "launch/config/field_checks.h"

#include <algorithm>

#include <fmt/format.h>

#include "launch/config/config_field.h"

namespace bertyard {

bool FieldChecks::all_read(const std::vector<std::string>& keys) const {
  return std::none_of(keys.begin(), keys.end(),
                      [this](const auto& key) { return layers_.has_mistake(key); });
}

std::string FieldChecks::value(const std::string& key) const {
  return find_field(key)->write(loaded_.config, 0);
}

std::string FieldChecks::seen(const std::string& key, const std::string& value) const {
  return fmt::format("'{}' {} ({})", key, value, loaded_.origin_of(key).place());
}

void FieldChecks::mistake(const std::vector<std::string>& keys, const std::string& message) const {
  for (const std::string& key : keys) {
    const auto given = layers_.values().find(key);
    if (given == layers_.values().end() || given->second.node.place.source == nullptr) continue;
    errors_.add(given->second.node.place, message);
    return;
  }
  errors_.add({}, message);
}

}  // namespace bertyard
