// SPDX-License-Identifier: Apache-2.0
#include "train/huggingface/tokenizer_json.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"

namespace bertyard {
namespace {

using nlohmann::json;

// One part of the file, with its place in every message.
class Part {
 public:
  Part(const json& file, const char* name, const std::string& path) : name_(name), path_(path) {
    const auto found = file.find(name);
    if (found == file.end() || !found->is_object()) {
      throw DataError(fmt::format("{}: expected an object '{}'", path, name));
    }
    values_ = &*found;
  }

  // `key` must be `expected` where it is there.
  void require(const char* key, const json& expected) const {
    const auto found = values_->find(key);
    if (found == values_->end() || *found == expected) return;
    throw DataError(fmt::format("{}: '{}.{}' is {}, expected {}: only BERT's tokenizer is known",
                                path_, name_, key, found->dump(), expected.dump()));
  }
  template <typename T>
  T get(const char* key, T standard) const {
    const auto found = values_->find(key);
    if (found == values_->end() || found->is_null()) return standard;
    try {
      return found->get<T>();
    } catch (const json::exception&) {
      throw DataError(fmt::format("{}: '{}.{}' is {}, which has another type than expected", path_,
                                  name_, key, found->dump()));
    }
  }
  const json& values() const { return *values_; }

 private:
  const json* values_ = nullptr;
  std::string name_, path_;
};

Vocabulary vocabulary_of(const Part& model, const std::string& path) {
  const auto found = model.values().find("vocab");
  if (found == model.values().end() || !found->is_object()) {
    throw DataError(fmt::format("{}: expected an object 'model.vocab'", path));
  }
  std::vector<std::string> tokens(found->size());
  for (const auto& [token, id] : found->items()) {
    const bool fits = id.is_number_unsigned() && id.get<std::uint64_t>() < tokens.size();
    std::string* place = fits ? &tokens[id.get<std::size_t>()] : nullptr;
    if (place == nullptr || !place->empty()) {
      throw DataError(
          fmt::format("{}: 'model.vocab': the id of '{}' is {}, expected every number "
                      "from 0 to {} once",
                      path, token, id.dump(), tokens.size() - 1));
    }
    *place = token;
  }
  return Vocabulary(std::move(tokens), path);
}

}  // namespace

TokenizerFile read_tokenizer_json(const std::filesystem::path& file) {
  const std::string path = file.string();
  const json object = json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) throw DataError(fmt::format("{}: expected a JSON object", path));
  const Part model(object, "model", path);
  if (model.values().contains("type")) model.require("type", "WordPiece");
  model.require("continuing_subword_prefix", "##");
  model.require("unk_token", "[UNK]");
  const Part words(object, "pre_tokenizer", path);
  words.require("type", "BertPreTokenizer");
  const Part normalizer(object, "normalizer", path);
  normalizer.require("type", "BertNormalizer");
  normalizer.require("clean_text", true);
  TokenizerOptions options;
  options.lower_case = normalizer.get("lowercase", true);
  options.split_cjk = normalizer.get("handle_chinese_chars", true);
  const auto strip = normalizer.values().find("strip_accents");
  if (strip != normalizer.values().end() && strip->is_boolean()) {
    options.strip_accents = strip->get<bool>();
  }
  options.max_word_characters = model.get("max_input_chars_per_word", 100);
  return {vocabulary_of(model, path), options};
}

}  // namespace bertyard
