// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "launch/config/backend_choice.h"
#include "launch/config/config.h"
#include "launch/config/config_checks.h"
#include "launch/config/config_layers.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Puts one configuration together. Owns the sources that places point into.
class Loading {
 public:
  void add_file(const std::string& path) { add_file(path, {}); }
  void add_text(const std::string& name, const std::string& text);
  void add_cluster(const std::string& path);
  void add_override(const ConfigOverride& override_);
  LoadedConfig finish(ConfigUse use);

 private:
  void add_file(const std::string& path, const ConfigPlace& asked_at);
  ConfigSource& new_source(const std::string& name);
  ConfigNode parse(const ConfigSource& source);
  bool read(const std::string& path, ConfigSource& source, const ConfigPlace& asked_at);
  void add_extended(const ConfigNode& root, const std::string& path);

  std::deque<ConfigSource> sources_;
  ConfigErrors errors_;
  ConfigLayers layers_{errors_};
  std::vector<fs::path> open_files_;  // the chain of 'extends'
  std::string input_text_;
  bool is_complete_ = true;  // false where a text could not be read as YAML
};

bool Loading::read(const std::string& path, ConfigSource& source, const ConfigPlace& asked_at) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, ignored)) {
    const char* reason = file ? "it is a directory" : std::strerror(errno);
    errors_.add(asked_at, fmt::format("cannot read the configuration '{}': {}", path, reason));
    is_complete_ = false;
    return false;
  }
  source.text.resize(kMaxConfigBytes + 1);
  file.read(source.text.data(), static_cast<std::streamsize>(source.text.size()));
  source.text.resize(static_cast<std::size_t>(file.gcount()));
  if (source.text.starts_with(kByteOrderMark)) source.text.erase(0, kByteOrderMark.size());
  return true;
}

ConfigSource& Loading::new_source(const std::string& name) {
  ConfigSource& source = sources_.emplace_back();
  source.name = name;
  source.order = static_cast<int>(sources_.size());
  return source;
}

ConfigNode Loading::parse(const ConfigSource& source) {
  ConfigErrors found;
  ConfigNode root;
  if (check_text_bounds(source, found)) root = parse_yaml(source, found);
  if (!found.empty() && root.kind == ConfigNode::Kind::empty) is_complete_ = false;
  errors_.append(found);
  return root;
}

void Loading::add_file(const std::string& path, const ConfigPlace& asked_at) {
  ConfigSource& source = new_source(path);
  if (!read(path, source, asked_at)) return;
  if (open_files_.empty() && input_text_.empty()) input_text_ = source.text;
  const ConfigNode root = parse(source);
  std::error_code ignored;
  open_files_.push_back(fs::weakly_canonical(path, ignored));
  add_extended(root, path);
  layers_.add_file(root);
  open_files_.pop_back();
}

void Loading::add_extended(const ConfigNode& root, const std::string& path) {
  const auto found = std::find_if(root.entries.begin(), root.entries.end(),
                                  [](const auto& entry) { return entry.key == "extends"; });
  if (found == root.entries.end()) return;
  const ConfigNode& value = found->value;
  if (value.kind != ConfigNode::Kind::scalar || value.text.empty()) {
    errors_.add(found->place, "'extends' expects the path of one file, relative to this one");
    return;
  }
  const fs::path base = fs::path(path).parent_path() / value.text;
  std::error_code ignored;
  const fs::path canonical = fs::weakly_canonical(base, ignored);
  if (std::find(open_files_.begin(), open_files_.end(), canonical) != open_files_.end()) {
    errors_.add(value.place, fmt::format("'extends: {}' closes a circle of files that extend each "
                                         "other",
                                         value.text));
    return;
  }
  add_file(base.lexically_normal().string(), value.place);
}

// A description of hardware, which says nothing of the run.
void Loading::add_cluster(const std::string& path) {
  ConfigSource& source = new_source(path);
  if (!read(path, source, {})) return;
  const ConfigNode root = parse(source);
  bool has_section = false;
  for (const ConfigEntry& entry : root.entries) {
    if (entry.key == "cluster") {
      has_section = true;
    } else {
      errors_.add(entry.place,
                  fmt::format("'{}' in the description of a cluster, expected the section "
                              "'cluster' alone; lay other files over by --set-file",
                              entry.key));
    }
  }
  if (!has_section && is_complete_) {
    errors_.add({&source, 1, 1}, "there is no section 'cluster'");
  }
  layers_.add_file(root);
}

void Loading::add_text(const std::string& name, const std::string& text) {
  ConfigSource& source = new_source(name);
  source.text = text;
  input_text_ = text;
  const ConfigNode root = parse(source);
  for (const ConfigEntry& entry : root.entries) {
    if (entry.key == "extends") errors_.add(entry.place, "'extends' is not possible here");
  }
  layers_.add_file(root);
}

void Loading::add_override(const ConfigOverride& override_) {
  const bool is_argument = override_.place.empty();
  ConfigSource& source = new_source(
      is_argument ? fmt::format("<command line>:arg {}", override_.argument) : override_.place);
  source.kind = is_argument ? ConfigSource::Kind::argument : ConfigSource::Kind::change;
  source.text = override_.text;
  if (check_text_bounds(source, errors_)) layers_.add_override(source);
}

ConfigOrigin::Kind origin_kind(ConfigSource::Kind kind) {
  switch (kind) {
    case ConfigSource::Kind::argument:
      return ConfigOrigin::Kind::command_line;
    case ConfigSource::Kind::change:
      return ConfigOrigin::Kind::change;
    case ConfigSource::Kind::file:
      break;
  }
  return ConfigOrigin::Kind::file;
}

ConfigOrigin origin_of(const ConfigValue& value) {
  const ConfigPlace& place = value.node.place;
  return {origin_kind(place.source->kind), place.source->name, place.line, place.column};
}

// Held-out and training shards lie where prepare puts them, unless the configuration says
// otherwise.
void derive_data_paths(LoadedConfig& loaded) {
  RunConfig& config = loaded.config;
  if (config.samples.out.empty()) return;
  const fs::path out = config.samples.out;
  const ConfigOrigin origin{ConfigOrigin::Kind::derived, "samples.out", 0, 0};
  if (config.data.train.empty()) {
    config.data.train = (out / "train").string();
    loaded.origins["data.train"] = origin;
  }
  if (config.data.valid.empty() && config.corpus.held_out > 0) {
    config.data.valid = (out / "valid").string();
    loaded.origins["data.valid"] = origin;
  }
}

// Devlin et al. 2018: 384 tokens for questions.
void derive_task_length(LoadedConfig& loaded) {
  const std::string key = "task.max_length";
  if (loaded.config.task.kind != TaskKind::qa || loaded.origins.contains(key)) return;
  loaded.config.task.max_length = 384;
  loaded.origins[key] = {ConfigOrigin::Kind::derived, "task.kind", 0, 0};
}

// The run's identity has the value, never `auto`: what computed decides it, not what will.
void settle_precision(LoadedConfig& loaded) {
  RunConfig& config = loaded.config;
  if (config.precision != Precision::automatic) return;
  const bool on_gpu = takes_gpu(config) && !config.model.architecture.is_elmo();
  config.precision = on_gpu ? Precision::bf16 : Precision::fp32;
  loaded.origins["precision"] = {ConfigOrigin::Kind::derived, "parallel.backend", 0, 0};
}

void apply_preset(LoadedConfig& loaded, const std::string& name) {
  loaded.config.model.architecture = model_preset(name).value();
  for (const ConfigField& field : model_fields()) {
    const bool is_shape = field.key != "model.preset" && field.key != "model.from";
    if (is_shape) loaded.origins[field.key] = {ConfigOrigin::Kind::preset, name, 0, 0};
  }
}

LoadedConfig Loading::finish(ConfigUse use) {
  LoadedConfig loaded;
  loaded.input_text = input_text_;
  const auto preset = layers_.values().find("model.preset");
  if (preset != layers_.values().end()) apply_preset(loaded, preset->second.node.text);
  layers_.apply(loaded.config);
  for (const auto& [key, value] : layers_.values()) loaded.origins[key] = origin_of(value);
  derive_data_paths(loaded);
  derive_task_length(loaded);
  settle_precision(loaded);
  // What this build lacks is said alone: whether it goes with other keys is of no interest then.
  ConfigErrors lacking;
  if (is_complete_ && use == ConfigUse::here) check_build(loaded, layers_, lacking);
  if (is_complete_ && lacking.empty()) check_across_fields(loaded, layers_, errors_);
  errors_.append(lacking);
  errors_.throw_if_any();
  return loaded;
}

}  // namespace

LoadedConfig load_config(const ConfigRequest& request) {
  Loading loading;
  loading.add_file(request.path);
  for (const std::string& path : request.set_files) loading.add_file(path);
  if (!request.cluster_file.empty()) loading.add_cluster(request.cluster_file);
  for (const ConfigOverride& override_ : request.overrides) loading.add_override(override_);
  return loading.finish(request.use);
}

LoadedConfig parse_config(const std::string& name, const std::string& text) {
  Loading loading;
  loading.add_text(name, text);
  return loading.finish(ConfigUse::elsewhere);
}

}  // namespace bertyard
