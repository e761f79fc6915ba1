// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/checkpoint_manifest.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/file_writer.h"
#include "data/files/json_dump.h"
#include "data/files/json_integer.h"
#include "train/files/strict_json.h"

namespace bertyard {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kFormatVersion = 1;
constexpr std::string_view kBeforeHash = ",\n  \"xxh3\": \"";
constexpr std::string_view kAfterHash = "\"\n}\n";
constexpr std::size_t kTail = kBeforeHash.size() + 16 + kAfterHash.size();

Json state_json(const CheckpointState& state) {
  Json json;
  json["format_version"] = kFormatVersion;
  json["run_id"] = state.run_id;
  json["step"] = state.step;
  json["applied_steps"] = state.applied_steps;
  json["data_position"] = state.data_position;
  json["tokens"] = state.tokens;
  json["phase"] = state.phase;
  json["run_seconds"] = state.run_seconds;
  if (!state.last_losses.empty()) json["last_losses"] = state.last_losses;
  json["loss_scale"] = state.loss_scale;
  json["good_steps"] = state.good_steps;
  json["loss_log_bytes"] = state.loss_log_bytes;
  json["loss_log_hash"] = hash_text(state.loss_log_hash);
  json["held_out_loss"] = state.held_out_loss ? Json(*state.held_out_loss) : Json();
  json["held_out_step"] = state.held_out_step;
  json["settings"] = state.settings;
  json["environment"] = state.environment;
  json["resolved_config"] = state.resolved_config;
  return json;
}

template <typename T>
void read(const Json& json, const char* key, T& value) {
  value = read_integer<T>(json, key);
}

CheckpointState state_of(const Json& json) {
  CheckpointState state;
  json.at("run_id").get_to(state.run_id);
  read(json, "step", state.step);
  read(json, "applied_steps", state.applied_steps);
  read(json, "data_position", state.data_position);
  read(json, "tokens", state.tokens);
  read(json, "phase", state.phase);
  json.at("run_seconds").get_to(state.run_seconds);
  if (json.contains("last_losses")) json.at("last_losses").get_to(state.last_losses);
  json.at("loss_scale").get_to(state.loss_scale);
  read(json, "good_steps", state.good_steps);
  read(json, "loss_log_bytes", state.loss_log_bytes);
  state.loss_log_hash = parse_hash(json.at("loss_log_hash").get<std::string>());
  const Json& held_out = json.at("held_out_loss");
  if (!held_out.is_null()) state.held_out_loss = held_out.get<double>();
  if (json.contains("held_out_step")) read(json, "held_out_step", state.held_out_step);
  json.at("settings").get_to(state.settings);
  json.at("environment").get_to(state.environment);
  json.at("resolved_config").get_to(state.resolved_config);
  return state;
}

// Returns nothing of value: throws where the text is not what its last line says.
void require_intact(std::string_view text, const std::string& where) {
  const bool long_enough = text.size() > kTail;
  const std::string_view tail = long_enough ? text.substr(text.size() - kTail) : "";
  if (!tail.starts_with(kBeforeHash) || !tail.ends_with(kAfterHash)) {
    throw DataError(where + ": it does not end with its checksum; truncated or damaged");
  }
  const std::string_view stored = tail.substr(kBeforeHash.size(), 16);
  const std::string computed = hash_text(xxh3(text.substr(0, text.size() - kTail)));
  if (stored != computed) {
    throw DataError(
        fmt::format("{}: damaged: its checksum is {}, expected {}", where, computed, stored));
  }
}

}  // namespace

std::string manifest_text(const CheckpointManifest& manifest) {
  Json json = state_json(manifest.state);
  json["files"] = Json::array();
  for (const CheckpointFile& file : manifest.files) {
    Json entry;
    entry["name"] = file.name;
    entry["bytes"] = file.bytes;
    entry["xxh3"] = hash_text(file.hash);
    json["files"].push_back(entry);
  }
  // Host names and the user's file may hold bytes that are no UTF-8.
  std::string text = dump_json(json, 2);
  text.resize(text.size() - std::string_view("\n}").size());
  const std::string hash = hash_text(xxh3(text));
  return text.append(kBeforeHash).append(hash).append(kAfterHash);
}

CheckpointManifest parse_manifest(std::string_view text, const std::string& where) {
  require_intact(text, where);
  require_strict_json(text, where);
  try {
    const Json json = Json::parse(text);
    const auto version = read_integer<std::int64_t>(json, "format_version");
    if (version != kFormatVersion) {
      throw DataError(
          fmt::format("checkpoint format {}, this program reads {}; use the program that wrote it, "
                      "or export it with that one",
                      version, kFormatVersion));
    }
    CheckpointManifest manifest{state_of(json), {}};
    for (const Json& file : json.at("files")) {
      manifest.files.push_back({file.at("name").get<std::string>(),
                                read_integer<std::uint64_t>(file, "bytes"),
                                parse_hash(file.at("xxh3").get<std::string>())});
    }
    return manifest;
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: not a manifest of this program: {}", where, error.what()));
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", where, error.what()));
  }
}

CheckpointManifest read_checkpoint_manifest(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "manifest.json";
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown) && !unknown) {
    throw DataError(fmt::format("{}: the file is not there; {} is no checkpoint, or a damaged one",
                                path.string(), directory.string()));
  }
  return parse_manifest(read_file(path), path.string());
}

}  // namespace bertyard
