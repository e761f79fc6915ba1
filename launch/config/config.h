// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "launch/config/config_source.h"
#include "launch/config/run_config.h"

namespace bertyard {

// "optim.lr=5e-4", and which argument of the command line it was, or where else it stands.
struct ConfigOverride {
  std::string text;
  int argument = 0;
  std::string place{};  // "small.yaml:4:9"; empty: on the command line
};

// What a configuration is read for.
enum class ConfigUse {
  here,       // to compute: what this build lacks is a mistake
  elsewhere,  // to look at, or for another machine
};

// What a configuration is put together from, weakest first: defaults, the model preset, what the
// file extends, the file, the files of --set-file in order, the cluster's, the overrides in order.
struct ConfigRequest {
  std::string path;
  std::vector<std::string> set_files;
  std::vector<ConfigOverride> overrides;
  ConfigUse use = ConfigUse::here;
  std::string cluster_file{};  // with the section `cluster` alone; empty: none
};

// Where a value came from.
struct ConfigOrigin {
  // change: an override that stands elsewhere than on the command line, as in a comparison's `set`.
  enum class Kind { built_in, preset, derived, file, command_line, change };
  Kind kind = Kind::built_in;
  std::string name;  // the preset, the file, "<command line>:arg 3", the key it is derived from, or
                     // where the change stands
  int line = 0;
  int column = 0;

  // "default", "preset bert-base", "run.yaml:12", "<command line>:arg 3", "from samples.out"
  std::string text() const;
  // "run.yaml:12:16" for messages; text() for what stands in no file.
  std::string place() const;
};

// A checked configuration; the keys are dotted: "optim.lr", "schedule.0.until".
struct LoadedConfig {
  RunConfig config;
  std::map<std::string, ConfigOrigin, std::less<>> origins;  // of what is not the built-in default
  std::string input_text;                                    // of the file, as it was read

  ConfigOrigin origin_of(std::string_view key) const;
};

// Reads and checks; throws ConfigError with every mistake of every layer.
LoadedConfig load_config(const ConfigRequest& request);
// The same for a text that is no file any more, such as the resolved configuration in a checkpoint;
// `name` stands in the messages. 'extends' is refused, and what this build lacks is not.
LoadedConfig parse_config(const std::string& name, const std::string& text);

// For keys without a default, paths most of all. Throws ConfigError naming those that are empty and
// the verb that needs them.
void require_keys(const LoadedConfig& loaded, const std::vector<std::string>& keys,
                  std::string_view verb);

// Resolved configuration as YAML, a comment on each line saying where the value came from.
std::string print_resolved(const LoadedConfig& loaded);
// The same without comments: parse_config() of it gives an equal RunConfig.
std::string resolved_yaml(const RunConfig& config);
// Only what differs from a configuration that says nothing.
std::string minimal_yaml(const LoadedConfig& loaded);
// The table of all keys, as Markdown and as a JSON schema.
std::string config_documentation();
std::string config_schema();

// A key on which two configurations disagree although a resumed run may not change it.
struct ConfigDifference {
  std::string key;
  std::string first;  // values as YAML; "absent" for a phase that only the other has
  std::string second;
};

// The run's identity is model, tokenizer, samples, schedule, optim, precision and seed. Paths are
// no part of it: what lies behind them is identified by the hashes in the manifest of the shards
// and in the vocabulary, which the caller compares.
std::vector<ConfigDifference> compare_run_identity(const RunConfig& first, const RunConfig& second);
// The keys of the identity with their values as YAML, as a checkpoint keeps them.
std::map<std::string, std::string> run_identity(const RunConfig& config);
std::uint64_t config_hash(const RunConfig& config);

}  // namespace bertyard
