// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "launch/config/config.h"
#include "launch/config/config_field.h"

namespace bertyard {
namespace {

std::string value_at(const ConfigField& field, const RunConfig& config, std::size_t phase) {
  if (is_phase_field(field) && phase >= config.schedule.size()) return "absent";
  return field.write(config, phase);
}

bool decides(const ConfigField& field, const RunConfig& config) {
  if (field.role == FieldRole::rollback_identity) {
    return config.watch.spike.rule == SpikeRule::rollback;
  }
  return field.role != FieldRole::free;
}

}  // namespace

std::vector<ConfigDifference> compare_run_identity(const RunConfig& first,
                                                   const RunConfig& second) {
  std::vector<ConfigDifference> differences;
  for (const ConfigField& field : config_fields()) {
    if (!decides(field, first) && !decides(field, second)) continue;
    const std::size_t phases = std::max(first.schedule.size(), second.schedule.size());
    for (std::size_t phase = 0; phase < (is_phase_field(field) ? phases : 1); ++phase) {
      const std::string a = value_at(field, first, phase), b = value_at(field, second, phase);
      if (a != b) differences.push_back({key_of_phase(field, phase), a, b});
    }
  }
  return differences;
}

std::map<std::string, std::string> run_identity(const RunConfig& config) {
  std::map<std::string, std::string> identity;
  for (const ConfigField& field : config_fields()) {
    if (!decides(field, config)) continue;
    const std::size_t phases = is_phase_field(field) ? config.schedule.size() : 1;
    for (std::size_t phase = 0; phase < phases; ++phase) {
      std::string value = field.write(config, phase);
      const bool is_silent =
          field.role == FieldRole::newer_identity && value == field.write(RunConfig(), phase);
      if (!is_silent) identity[key_of_phase(field, phase)] = std::move(value);
    }
  }
  return identity;
}

std::uint64_t config_hash(const RunConfig& config) {
  StreamingHash hash;
  for (const auto& [key, value] : run_identity(config))
    hash.update(fmt::format("{}: {}\n", key, value));
  return hash.digest();
}

}  // namespace bertyard
