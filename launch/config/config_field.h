// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launch/config/config_type.h"
#include "launch/config/run_config.h"

namespace bertyard {

// Whether a resumed run may have another value.
enum class FieldRole {
  identity,        // no: the run would be another one
  newer_identity,  // likewise, but older checkpoints do not have the key: its default is not named
  rollback_identity,  // no where optim.spike.rule is rollback: it decides what a run goes back to
  free,               // yes: paths, parallelism, checkpoints, logging
};

// One key of the configuration: the table of these drives parsing, defaults, printing, the
// documentation and the schema. The fields of a phase have '*' for its number.
struct ConfigField {
  std::string key;  // "optim.lr", "schedule.*.until"
  std::string form;
  std::string schema;
  std::string meaning;
  FieldRole role = FieldRole::free;
  // `phase` is ignored by all but the fields of a phase.
  std::function<void(RunConfig&, std::size_t phase, const ConfigNode&)> read;
  std::function<std::string(const RunConfig&, std::size_t phase)> write;
};

struct FieldText {
  std::string key;
  std::string meaning;
  FieldRole role = FieldRole::free;
};

// at(&RunConfig::model, &ModelSection::from): the member that a field stands for.
template <typename... Members>
auto at(Members... members) {
  return [members...](auto& config, std::size_t) -> auto& {
    return (config.*....*members);
  };
}
template <typename Member>
auto at_phase(Member member) {
  return [member](auto& config, std::size_t phase) -> auto& {
    return config.schedule[phase].*member;
  };
}

// A field that does not know yet how it is read and written.
ConfigField unbound_field(FieldText text, std::string form, std::string schema);

template <typename Access, typename T>
ConfigField make_field(FieldText text, Access access, ConfigType<T> type) {
  ConfigField field = unbound_field(std::move(text), type.form, type.schema);
  field.read = [access, read = type.read](RunConfig& config, std::size_t phase,
                                          const ConfigNode& node) {
    access(config, phase) = read(node);
  };
  field.write = [access, write = type.write](const RunConfig& config, std::size_t phase) {
    return write(access(config, phase));
  };
  return field;
}

// A key that accepts only one value so far.
ConfigField make_fixed_field(FieldText text, const std::string& value,
                             const std::vector<LaterValue>& later);

// A key or section that this version knows by name and refuses; `reason` follows "'key' ".
struct RefusedKey {
  std::string key;
  std::string reason;
};

// All fields, in the order of the file; and the parts they are put together from.
const std::vector<ConfigField>& config_fields();
std::vector<ConfigField> data_fields();      // run, corpus, tokenizer, samples
std::vector<ConfigField> model_fields();     // model
std::vector<ConfigField> training_fields();  // data, schedule, optim
std::vector<ConfigField> system_fields();    // precision, parallel, checkpoint, eval, log
std::vector<ConfigField> task_fields();      // task, finetune
std::vector<ConfigField> launch_fields();    // slurm, launch
std::vector<ConfigField> cluster_fields();   // cluster
std::vector<ConfigField> distill_fields();   // distill

const std::vector<RefusedKey>& refused_keys();

// The field of "schedule.3.until" is that of "schedule.*.until". Null for anything else.
const ConfigField* find_field(std::string_view key);
// "schedule.*.until" and 3 give "schedule.3.until"; keys of other fields are returned as they are.
std::string key_of_phase(const ConfigField& field, std::size_t phase);
bool is_phase_field(const ConfigField& field);

}  // namespace bertyard
