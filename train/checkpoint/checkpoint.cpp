// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/checkpoint.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/file_writer.h"
#include "train/checkpoint/checkpoint_manifest.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kFiles = {
    "model.safetensors", "optimizer.bin", "config.json", "vocab.txt", "tokenizer_config.json"};

void verify_file(const fs::path& path, const CheckpointFile& expected, const FileCalls& calls) {
  if (!fs::exists(path)) throw DataError(path.string() + ": the file is not there");
  const FileDigest found = digest_of_file(path, calls);
  if (found.bytes != expected.bytes) {
    throw DataError(fmt::format("{}: damaged: {} bytes, the manifest says {}", path.string(),
                                found.bytes, expected.bytes));
  }
  if (found.hash != expected.hash) {
    throw DataError(fmt::format("{}: damaged: its checksum is {}, the manifest says {}",
                                path.string(), hash_text(found.hash), hash_text(expected.hash)));
  }
}

CheckpointState verified_state(const fs::path& directory, const FileCalls& calls) {
  CheckpointManifest manifest = read_checkpoint_manifest(directory);
  std::set<std::string_view> listed;
  for (const CheckpointFile& file : manifest.files) listed.insert(file.name);
  if (listed != std::set<std::string_view>(kFiles.begin(), kFiles.end())) {
    throw DataError(fmt::format("{}: lists other files than a checkpoint has",
                                (directory / "manifest.json").string()));
  }
  for (const CheckpointFile& file : manifest.files) {
    verify_file(directory / file.name, file, calls);
  }
  return std::move(manifest.state);
}

// Tensor `prefix` + name of every parameter into its place of `flat`.
void read_flat(const SafetensorsFile& file, const std::string& prefix,
               const ParameterStore& parameters, TensorView flat) {
  BERTYARD_CHECK(flat.elements() == parameters.flat_elements(),
                 fmt::format("checkpoint: room for {} elements, {} are needed", flat.elements(),
                             parameters.flat_elements()));
  for (const ParameterInfo& info : parameters.infos()) {
    const SafetensorsEntry* entry = file.find(prefix + info.name);
    const std::string expected = to_string(info.shape);
    if (entry == nullptr || extents_text(entry->extents) != expected) {
      throw DataError(fmt::format(
          "{}: tensor '{}{}' is {}, this run's model has {}; the checkpoint is of another model",
          file.path().string(), prefix, info.name,
          entry == nullptr ? "missing" : extents_text(entry->extents), expected));
    }
    file.read_f32(*entry,
                  flat.span<float>().subspan(static_cast<std::size_t>(info.offset),
                                             static_cast<std::size_t>(info.shape.elements())));
  }
  const auto held =
      std::count_if(file.entries().begin(), file.entries().end(),
                    [&](const SafetensorsEntry& entry) { return entry.name.starts_with(prefix); });
  if (held != parameters.size()) {
    throw DataError(
        fmt::format("{}: {} tensors, this run's model has {}; the checkpoint is of another model",
                    file.path().string(), held, parameters.size()));
  }
}

}  // namespace

Checkpoint::Checkpoint(fs::path path, CheckpointState state)
    : path_(std::move(path)),
      state_(std::move(state)),
      model_(read_huggingface_config(path_)),
      vocabulary_(read_file(path_ / "vocab.txt")),
      weights_(path_ / "model.safetensors"),
      optimizer_(path_ / "optimizer.bin") {}

Checkpoint Checkpoint::read(const fs::path& directory, const FileCalls& calls) {
  return Checkpoint(directory, verified_state(directory, calls));
}

Checkpoint Checkpoint::read_patiently(const fs::path& directory, const FileCalls& calls) {
  constexpr int kMore = 2;
  for (int attempt = 0; attempt < kMore; ++attempt) {
    try {
      return read(directory, calls);
    } catch (const Error&) {
      calls.pause(std::chrono::milliseconds(300 * (attempt + 1)));
    }
  }
  return read(directory, calls);
}

std::vector<std::string> Checkpoint::optimizer_names() const {
  std::set<std::string> names;
  for (const SafetensorsEntry& entry : optimizer_.entries()) {
    names.insert(entry.name.substr(0, entry.name.find('/')));
  }
  return {names.begin(), names.end()};
}

void Checkpoint::read_weights(const ParameterStore& parameters, TensorView flat) const {
  read_flat(weights_, "", parameters, flat);
}

void Checkpoint::read_optimizer(std::string_view name, const ParameterStore& parameters,
                                TensorView flat) const {
  const auto names = optimizer_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw DataError(
        fmt::format("{}: no optimizer state '{}', found: {}; it was written by another "
                    "optimizer",
                    optimizer_.path().string(), name,
                    names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }
  read_flat(optimizer_, std::string(name) + "/", parameters, flat);
}

void require_same_run(const CheckpointState& expected, const CheckpointState& found,
                      const std::string& where) {
  if (!expected.run_id.empty() && expected.run_id != found.run_id) {
    throw DataError(
        fmt::format("{}: the checkpoint is of run {}, this is run {}; resume it in its "
                    "own run directory",
                    where, found.run_id, expected.run_id));
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : expected.settings) keys.insert(key);
  for (const auto& [key, value] : found.settings) keys.insert(key);
  const auto value_of = [](const auto& settings, const std::string& key) {
    const auto at = settings.find(key);
    return at == settings.end() ? std::string("absent") : at->second;
  };
  std::string differences;
  for (const std::string& key : keys) {
    const std::string now = value_of(expected.settings, key);
    const std::string then = value_of(found.settings, key);
    if (now != then)
      differences += fmt::format("\n  {} is {}, the checkpoint has {}", key, now, then);
  }
  if (differences.empty()) return;
  throw DataError(
      fmt::format("{}: the checkpoint was made with other settings:{}\n  fix: set them "
                  "back, or begin a new run under another run.name",
                  where, differences));
}

}  // namespace bertyard
