// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "core/base/error.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxPadding = 128;  // vocabularies are padded to multiples of 8, 64 or 128
constexpr std::string_view kWords = "bert.embeddings.word_embeddings.weight";
constexpr std::string_view kBias = "cls.predictions.bias";
constexpr std::string_view kDecoder = "cls.predictions.decoder.weight";
constexpr std::string_view kDecoderBias = "cls.predictions.decoder.bias";

bool replace_suffix(std::string& name, std::string_view old_end, std::string_view new_end) {
  if (!name.ends_with(old_end)) return false;
  name.replace(name.size() - old_end.size(), old_end.size(), new_end);
  return true;
}

bool is_buffer(std::string_view name) {
  return name == "bert.embeddings.position_ids" || name == "bert.embeddings.token_type_ids";
}

bool is_task_head(std::string_view name) {
  return name.starts_with("classifier.") || name.starts_with("qa_outputs.") ||
         name.starts_with("crf.") || name.starts_with("bilstm.") || name.starts_with("elmo_task.");
}

// What stands on the body; "distill." is of a distillation, which exported models do not have.
bool is_head(std::string_view name) {
  return name.starts_with("cls.") || name.starts_with("bert.pooler.") ||
         name.starts_with("elmo.softmax.") || name.starts_with("distill.") || is_task_head(name);
}

// One import: the file's tensors under our names, checked in full, then copied.
class Import {
 public:
  Import(const SafetensorsFile& file, ParameterStore& parameters, MissingHeads missing)
      : file_(file), parameters_(parameters), missing_(missing) {}

  ImportReport run() {
    collect();
    for (const ParameterInfo& info : parameters_.infos()) match(info);
    refuse_strangers();
    check_tied(kDecoder, kWords);
    check_tied(kDecoderBias, kBias);
    for (const auto& [info, entry] : matches_) copy(*info, *entry);
    return std::move(report_);
  }

 private:
  std::string at(const SafetensorsEntry& entry) const {
    return fmt::format("{}: tensor '{}'", file_.path().string(), entry.name);
  }

  void collect() {
    for (const SafetensorsEntry& entry : file_.entries()) {
      const std::string name = from_old_name(entry.name);
      if (is_buffer(name)) continue;
      const auto [place, fresh] = found_.emplace(name, &entry);
      if (!fresh) {
        throw DataError(fmt::format("{} and '{}' are one tensor under two names", at(entry),
                                    place->second->name));
      }
    }
  }

  void match(const ParameterInfo& info) {
    auto found = found_.find(info.name);
    if (found == found_.end() && info.name == kBias) found = found_.find(kDecoderBias);
    const bool fresh = missing_ == MissingHeads::new_task && is_task_head(info.name);
    if (found == found_.end() || fresh) {
      if (missing_ == MissingHeads::refuse || !is_head(info.name)) {
        throw DataError(fmt::format("{}: tensor '{}' {} is missing{}", file_.path().string(),
                                    info.name, to_string(info.shape),
                                    is_head(info.name) ? "; the file has no such head" : ""));
      }
      report_.kept.push_back(info.name);
      return;
    }
    check_shape(info.name, info.shape, *found->second);
    matches_.emplace_back(&info, found->second);
  }

  void check_shape(std::string_view name, const Shape& shape, const SafetensorsEntry& entry) {
    std::vector<std::int64_t> expected;
    expected.reserve(static_cast<std::size_t>(shape.rank()));
    for (int i = 0; i < shape.rank(); ++i) expected.push_back(shape[i]);
    if (entry.extents == expected) return;
    std::vector<std::int64_t> cut = entry.extents;
    const bool has_vocabulary =
        name == kWords || name == kBias || name == kDecoder || name == kDecoderBias;
    if (has_vocabulary && !cut.empty()) {
      const std::int64_t surplus = cut[0] - expected[0];
      cut[0] = expected[0];
      if (cut == expected && surplus > 0 && surplus < kMaxPadding) {
        report_.padded_rows = std::max(report_.padded_rows, surplus);
        return;
      }
    }
    throw DataError(fmt::format("{} has shape {}, expected {}", at(entry),
                                extents_text(entry.extents), extents_text(expected)));
  }

  // Tensors of the body or of our heads that the model has no place for mean another model.
  void refuse_strangers() {
    for (const auto& [name, entry] : found_) {
      if (parameters_.find(name) || name == kDecoder || name == kDecoderBias) continue;
      if (name.starts_with("bert.encoder.") || name.starts_with("bert.embeddings.") ||
          name.starts_with("elmo.forward.") || name.starts_with("elmo.backward.")) {
        throw DataError(
            fmt::format("{} {} has no place in this model; it belongs to a larger or "
                        "another one",
                        at(*entry), extents_text(entry->extents)));
      }
      report_.ignored.push_back(entry->name);
    }
  }

  // `copied` may be in the file beside the tensor it is tied to; then both must be the same.
  void check_tied(std::string_view copied, std::string_view original) {
    const auto copy = found_.find(copied);
    const auto source = found_.find(original);
    const auto id = parameters_.find(original);
    if (copy == found_.end() || source == found_.end() || !id) return;
    const auto elements = static_cast<std::size_t>(parameters_.info(*id).shape.elements());
    check_shape(copied, parameters_.info(*id).shape, *copy->second);
    std::vector<float> a(elements), b(elements);
    file_.read_f32(*copy->second, a);
    file_.read_f32(*source->second, b);
    if (std::memcmp(a.data(), b.data(), elements * sizeof(float)) != 0) {
      throw DataError(fmt::format("{} differs from '{}'; only models that tie the two are read",
                                  at(*copy->second), source->second->name));
    }
  }

  void copy(const ParameterInfo& info, const SafetensorsEntry& entry) {
    const auto first = static_cast<std::size_t>(info.offset);
    const auto count = static_cast<std::size_t>(info.shape.elements());
    file_.read_f32(entry, parameters_.values().span<float>().subspan(first, count));
  }

  const SafetensorsFile& file_;
  ParameterStore& parameters_;
  MissingHeads missing_;
  std::map<std::string, const SafetensorsEntry*, std::less<>> found_;
  std::vector<std::pair<const ParameterInfo*, const SafetensorsEntry*>> matches_;
  ImportReport report_;
};

}  // namespace

std::string from_old_name(std::string_view old_name) {
  std::string name(old_name);
  for (const std::string_view start : {"embeddings.", "encoder.", "pooler."}) {
    if (name.starts_with(start)) {
      name.insert(0, "bert.");
      break;
    }
  }
  replace_suffix(name, "LayerNorm.gamma", "LayerNorm.weight") ||
      replace_suffix(name, "LayerNorm.beta", "LayerNorm.bias") ||
      replace_suffix(name, ".dense_act.weight", ".dense.weight") ||
      replace_suffix(name, ".dense_act.bias", ".dense.bias");
  return name;
}

fs::path huggingface_weights(const fs::path& path) {
  if (path.extension() == ".bin" || path.extension() == ".pt" || path.extension() == ".ckpt") {
    throw DataError(fmt::format(
        "{}: pickled weights are not read, for they can run code; convert them to safetensors: "
        "model.save_pretrained(directory, safe_serialization=True)",
        path.string()));
  }
  if (!fs::is_directory(path)) return path;
  fs::path file = path / "model.safetensors";
  if (fs::exists(file)) return file;
  if (fs::exists(path / "pytorch_model.bin"))
    return huggingface_weights(path / "pytorch_model.bin");
  const char* found =
      fs::exists(path / "model.safetensors.index.json") ? "weights in several files" : "none";
  throw DataError(fmt::format("{}: expected model.safetensors, found {}", path.string(), found));
}

ImportReport load_huggingface_weights(const fs::path& path, ParameterStore& parameters,
                                      MissingHeads missing) {
  const SafetensorsFile file(huggingface_weights(path));
  return Import(file, parameters, missing).run();
}

}  // namespace bertyard
