// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

using nlohmann::json;

// A boolean of the file; `standard` where it is absent or null.
std::optional<bool> flag(const json& object, const char* key, std::optional<bool> standard,
                         const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end()) return standard;
  if (found->is_null()) return std::nullopt;
  if (!found->is_boolean()) {
    throw DataError(
        fmt::format("{}: '{}' is {}, expected true or false", path, key, found->dump()));
  }
  return found->get<bool>();
}

}  // namespace

TokenizerOptions read_huggingface_tokenizer(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "tokenizer_config.json";
  TokenizerOptions options;
  if (!std::filesystem::exists(path)) return options;
  const json object = json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    throw DataError(fmt::format("{}: expected a JSON object", path.string()));
  }
  options.lower_case = flag(object, "do_lower_case", true, path.string()).value_or(true);
  options.strip_accents = flag(object, "strip_accents", std::nullopt, path.string());
  options.split_cjk = flag(object, "tokenize_chinese_chars", true, path.string()).value_or(true);
  return options;
}

}  // namespace bertyard
