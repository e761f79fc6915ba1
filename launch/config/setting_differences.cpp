// SPDX-License-Identifier: Apache-2.0
#include "launch/config/setting_differences.h"

#include <fmt/format.h>

#include "launch/config/config_field.h"

namespace bertyard {
namespace {

std::string value_of(const Origins& origins, const std::string& key) {
  const auto found = origins.find(key);
  if (found != origins.end()) return found->second;
  const ConfigField* field = find_field(key);
  return field == nullptr || is_phase_field(*field) ? "absent" : field->write(RunConfig(), 0);
}

}  // namespace

std::vector<std::string> setting_differences(const Origins& before, const Origins& now) {
  std::vector<std::string> texts;
  Origins all = before;
  all.insert(now.begin(), now.end());
  for (const auto& [key, unused] : all) {
    const std::string was = value_of(before, key), is = value_of(now, key);
    if (was != is) texts.push_back(fmt::format("{} was {}, is {}", key, was, is));
  }
  return texts;
}

}  // namespace bertyard
