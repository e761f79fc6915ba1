// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_field.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace bertyard {
namespace {

constexpr std::string_view kPhasePrefix = "schedule.";
constexpr std::string_view kPhasePattern = "schedule.*.";

std::vector<ConfigField> all_fields() {
  std::vector<ConfigField> fields;
  for (auto part : {data_fields(), model_fields(), training_fields(), system_fields(),
                    launch_fields(), task_fields(), cluster_fields(), distill_fields()}) {
    std::move(part.begin(), part.end(), std::back_inserter(fields));
  }
  return fields;
}

// "schedule.3.until" as "schedule.*.until".
std::string pattern_of(std::string_view key) {
  if (!key.starts_with(kPhasePrefix)) return std::string(key);
  const std::string_view rest = key.substr(kPhasePrefix.size());
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits == rest.size() || rest[digits] != '.') return std::string(key);
  return std::string(kPhasePattern) + std::string(rest.substr(digits + 1));
}

}  // namespace

ConfigField unbound_field(FieldText text, std::string form, std::string schema) {
  return {.key = std::move(text.key),
          .form = std::move(form),
          .schema = std::move(schema),
          .meaning = std::move(text.meaning),
          .role = text.role,
          .read = {},
          .write = {}};
}

ConfigField make_fixed_field(FieldText text, const std::string& value,
                             const std::vector<LaterValue>& later) {
  const ConfigType<std::string> type = fixed_type(value, later);
  ConfigField field = unbound_field(std::move(text), type.form, type.schema);
  field.read = [read = type.read](RunConfig&, std::size_t, const ConfigNode& node) { read(node); };
  field.write = [value](const RunConfig&, std::size_t) { return value; };
  return field;
}

const std::vector<ConfigField>& config_fields() {
  static const std::vector<ConfigField> fields = all_fields();
  return fields;
}

const std::vector<RefusedKey>& refused_keys() {
  static const std::vector<RefusedKey> keys = {
      {"model.vocab_size", "is not a key: the size is that of the vocabulary, 'tokenizer.vocab'"},
  };
  return keys;
}

const ConfigField* find_field(std::string_view key) {
  if (key.find('*') != std::string_view::npos) return nullptr;
  const std::string pattern = pattern_of(key);
  const auto& fields = config_fields();
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&pattern](const auto& field) { return field.key == pattern; });
  return found == fields.end() ? nullptr : &*found;
}

bool is_phase_field(const ConfigField& field) {
  return field.key.starts_with(kPhasePattern);
}

std::string key_of_phase(const ConfigField& field, std::size_t phase) {
  if (!is_phase_field(field)) return field.key;
  return fmt::format("schedule.{}.{}", phase, field.key.substr(kPhasePattern.size()));
}

}  // namespace bertyard
