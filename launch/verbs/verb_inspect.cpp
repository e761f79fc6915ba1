// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_inspect.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/joined_samples.h"
#include "data/shards/manifest.h"
#include "launch/inspect/inspect_parts.h"
#include "launch/run/finetune_layout.h"
#include "train/checkpoint/checkpoint_store.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

enum class Kind {
  vocabulary,
  samples,
  parts,
  checkpoint,
  huggingface,
  tensors,
  run,
  finetuning,
  flight,
  batch
};

constexpr const char* kKnown =
    "shards, an HDF5 file of samples, a vocabulary, a checkpoint, the directory of a run or a "
    "fine-tuning, a Hugging Face directory, a .safetensors file or a folder of flight recorders";
constexpr std::size_t kHead = 1 << 16;  // of a file, to recognise it by

Kind kind_of_directory(const fs::path& path) {
  const auto has = [&](const char* name) { return fs::exists(path / name); };
  const bool weights = has("model.safetensors") || has("config.json");
  if (has(kManifestName)) return weights ? Kind::checkpoint : Kind::samples;
  if (weights) return Kind::huggingface;
  if (fs::exists(path / "train" / kManifestName) || fs::exists(path / "valid" / kManifestName)) {
    return Kind::parts;
  }
  if (has("env.json") || has("checkpoints") || has("metrics.jsonl")) return Kind::run;
  if (has(kGridFile) || !list_cells(path).empty()) return Kind::finetuning;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".flight") return Kind::flight;
  }
  if (!list_checkpoints(path).empty()) return Kind::checkpoint;
  if (!hdf5_files_in(path).empty()) return Kind::samples;
  throw DataError(fmt::format("{}: expected {}; found a directory that is none of them",
                              path.string(), kKnown));
}

std::string head_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(kHead, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (!file.is_open() || file.bad()) {
    throw DataError(fmt::format("{}: cannot be read", path.string()));
  }
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

// u64 length of the header, then the header, a JSON object.
bool looks_like_tensors(const std::string& head) {
  std::uint64_t length = 0;
  if (head.size() <= sizeof length) return false;
  std::memcpy(&length, head.data(), sizeof length);
  return length < (1ull << 32) && head[sizeof length] == '{';
}

Kind kind_of_file(const fs::path& path) {
  const std::string head = head_of(path);
  const std::string extension = path.extension().string();
  if (head.empty()) throw DataError(fmt::format("{}: the file is empty", path.string()));
  if (head.starts_with("\x89HDF\r\n") || extension == ".h5" || extension == ".hdf5") {
    return Kind::samples;
  }
  if (head.starts_with("{\"bad_batch\"")) return Kind::batch;
  if (looks_like_tensors(head) || extension == ".safetensors") return Kind::tensors;
  // Special tokens stand near the front of every vocabulary; a damaged one may have lost them.
  if (head.find("[UNK]") != std::string::npos || extension == ".txt") return Kind::vocabulary;
  throw DataError(
      fmt::format("{}: expected {}; found a file that is none of them", path.string(), kKnown));
}

void refuse_unused(const InspectOptions& options, Kind kind) {
  const bool samples = kind == Kind::samples || kind == Kind::parts;
  const bool tensors =
      !samples && kind != Kind::vocabulary && kind != Kind::flight && kind != Kind::batch;
  if (!options.tensor.empty() && !tensors) {
    throw UsageError(fmt::format("--tensor: there are no tensors in {}", options.path));
  }
  const bool decodes = samples || kind == Kind::batch;
  if ((options.samples > 0 && !samples) || (!options.vocab.empty() && !decodes)) {
    throw UsageError(fmt::format("{}: there are no samples in {}",
                                 options.samples > 0 ? "--samples" : "--vocab", options.path));
  }
}

std::string inspect_parts(const InspectOptions& options) {
  std::string text;
  for (const char* part : {"train", "valid"}) {
    InspectOptions one = options;
    one.path = fs::path(options.path) / part;
    if (!fs::exists(fs::path(one.path) / kManifestName)) continue;
    text += (text.empty() ? "" : "\n") + inspect_samples(one);
  }
  return text;
}

}  // namespace

std::string inspect_text(const InspectOptions& given) {
  InspectOptions options = given;
  fs::path path(options.path);
  if (!fs::exists(path))
    throw DataError(fmt::format("{}: no such file or directory", options.path));
  // A manifest stands for its directory.
  if (path.filename() == kManifestName && fs::is_regular_file(path)) {
    path = path.has_parent_path() ? path.parent_path() : fs::path(".");
    options.path = path.string();
  }
  const Kind kind = fs::is_directory(path) ? kind_of_directory(path) : kind_of_file(path);
  refuse_unused(options, kind);
  switch (kind) {
    case Kind::vocabulary:
      return inspect_vocabulary(options);
    case Kind::samples:
      return inspect_samples(options);
    case Kind::parts:
      return inspect_parts(options);
    case Kind::checkpoint:
      return inspect_checkpoint(options);
    case Kind::huggingface:
      return inspect_huggingface(options);
    case Kind::tensors:
      return inspect_tensor_file(options);
    case Kind::run:
      return inspect_run(options);
    case Kind::finetuning:
      return inspect_finetuning(options);
    case Kind::batch:
      return inspect_batch(options);
    case Kind::flight:
      return inspect_flight(options);
  }
  return "";
}

int run_inspect(const InspectOptions& options) {
  fmt::print("{}", inspect_text(options));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
