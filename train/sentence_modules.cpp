// SPDX-License-Identifier: Apache-2.0
#include "train/sentence_modules.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json parse(const fs::path& path) {
  json parsed = json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) throw DataError(fmt::format("{}: is no JSON", path.string()));
  return parsed;
}

template <typename T>
T value(const json& object, const char* key, T fallback, const fs::path& path) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  try {
    return found->get<T>();
  } catch (const json::exception&) {
    throw DataError(fmt::format("{}: '{}' is {}, which has another type than expected",
                                path.string(), key, found->dump()));
  }
}

struct Module {
  std::string kind;  // the last word of its type
  fs::path directory;
};

std::vector<Module> modules_of(const fs::path& path) {
  const json list = parse(path);
  if (!list.is_array()) throw DataError(fmt::format("{}: expected a list", path.string()));
  std::vector<Module> modules;
  for (const json& entry : list) {
    if (!entry.is_object()) {
      throw DataError(fmt::format("{}: expected a list of objects", path.string()));
    }
    const auto type = value<std::string>(entry, "type", "", path);
    const auto place = value<std::string>(entry, "path", "", path);
    modules.push_back({type.substr(type.rfind('.') + 1), path.parent_path() / place});
  }
  return modules;
}

Pooling read_pooling(const fs::path& path) {
  const json config = parse(path);
  std::optional<Pooling> pooling;
  for (const auto& [key, chosen] : config.items()) {
    if (!key.starts_with("pooling_mode_") || chosen != true) continue;
    const std::string mode = key.substr(std::string("pooling_mode_").size());
    if (pooling || (mode != "cls_token" && mode != "mean_tokens" && mode != "max_tokens")) {
      throw DataError(fmt::format(
          "{}: expected one of pooling_mode_cls_token, _mean_tokens and _max_tokens to be true, "
          "found {} too; say --pool and it is not looked at",
          path.string(), key));
    }
    pooling = mode == "cls_token"     ? Pooling::cls
              : mode == "mean_tokens" ? Pooling::mean
                                      : Pooling::max;
  }
  const auto named = value<std::string>(config, "pooling_mode", "", path);
  if (!pooling && named == "cls") pooling = Pooling::cls;
  if (!pooling && named == "mean") pooling = Pooling::mean;
  if (!pooling && named == "max") pooling = Pooling::max;
  if (!pooling) {
    throw DataError(fmt::format("{}: says no pooling among cls, mean and max", path.string()));
  }
  if (!value(config, "include_prompt", true, path)) {
    throw DataError(fmt::format("{}: include_prompt is false, expected true", path.string()));
  }
  return *pooling;
}

void read_transformer_limits(const fs::path& directory, SentenceModules& modules) {
  const fs::path path = directory / "sentence_bert_config.json";
  if (!fs::exists(path)) return;
  const json config = parse(path);
  modules.max_length = value<std::int64_t>(config, "max_seq_length", 0, path);
  if (value(config, "do_lower_case", false, path)) {
    throw DataError(
        fmt::format("{}: do_lower_case is true, expected false: lower-casing is said by "
                    "tokenizer_config.json",
                    path.string()));
  }
}

void refuse_prompts(const fs::path& path) {
  if (!fs::exists(path)) return;
  const json config = parse(path);
  const auto name = value<std::string>(config, "default_prompt_name", "", path);
  if (name.empty()) return;
  throw DataError(fmt::format(
      "{}: the prompt '{}' stands before every text; expected default_prompt_name to be null. Put "
      "the prompt into the input and set it to null",
      path.string(), name));
}

}  // namespace

std::optional<SentenceModules> read_sentence_modules(const fs::path& directory) {
  const fs::path path = directory / "modules.json";
  if (!fs::exists(path)) return std::nullopt;
  const std::vector<Module> list = modules_of(path);
  SentenceModules modules;
  constexpr std::string_view kOrder[] = {"Transformer", "Pooling", "Normalize"};
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i >= std::size(kOrder) || list[i].kind != kOrder[i]) {
      throw DataError(fmt::format(
          "{}: module {} is '{}'; expected Transformer, Pooling and at most Normalize, in this "
          "order. Give --pool to use the model alone",
          path.string(), i, list[i].kind));
    }
  }
  if (list.size() < 2) {
    throw DataError(fmt::format("{}: expected Transformer and Pooling, found {} modules",
                                path.string(), list.size()));
  }
  refuse_prompts(directory / "config_sentence_transformers.json");
  modules.transformer = list[0].directory;
  read_transformer_limits(modules.transformer, modules);
  modules.pooling = read_pooling(list[1].directory / "config.json");
  if (list.size() > 2) modules.normalize = Normalize::yes;
  return modules;
}

}  // namespace bertyard
