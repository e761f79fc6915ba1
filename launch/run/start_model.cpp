// SPDX-License-Identifier: Apache-2.0
#include "launch/run/start_model.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "launch/config/config_field.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// "model.layers=4" and so on: what decides which tensors there are and what is computed with them.
std::vector<std::string> made_of(const ModelConfig& model) {
  RunConfig config;
  config.model.architecture = model;
  std::vector<std::string> keys{"layers", "hidden", "intermediate"};
  if (!model.is_elmo()) {
    keys.insert(keys.end(),
                {"heads", "max_positions", "segments", "activation", "attention", "norm_epsilon"});
  }
  for (std::string& key : keys) {
    key = "model." + key;
    key += "=" + find_field(key)->write(config, 0);
  }
  return keys;
}

void check_shape(const std::string& from, const ModelConfig& found, const ModelConfig& configured) {
  if (found.type != configured.type) {
    throw UsageError(fmt::format(
        "model.from: {} is of type {}, model.preset makes one of type {}; set model.preset to {}",
        from, name_of(found.type), name_of(configured.type),
        found.is_elmo() ? "elmo" : "a transformer's"));
  }
  const std::vector<std::string> ours = made_of(configured);
  std::vector<std::string> missed;
  for (const std::string& its : made_of(found)) {
    if (std::find(ours.begin(), ours.end(), its) == ours.end()) missed.push_back(its);
  }
  if (missed.empty() && found.vocab_size < configured.vocab_size) {
    throw UsageError(
        fmt::format("model.from: {} has {} word vectors, its vocabulary {} entries; "
                    "take one that has a vector for each",
                    from, found.vocab_size, configured.vocab_size));
  }
  if (missed.empty()) return;
  throw UsageError(
      fmt::format("model.from: {} is another model than the one that is configured; set {}", from,
                  fmt::join(missed, " ")));
}

// Whether its files say more than a vocab.txt does: tokenizer_config.json, or tokenizer.json where
// the vocabulary is in that.
bool says_tokenizer(const SavedModel& start) {
  const fs::path directory = start.path;
  if (fs::exists(directory / "tokenizer_config.json")) return true;
  return start.vocabulary && !fs::exists(directory / "vocab.txt");
}

// "its own, models/bert/vocab.txt"
std::string own_vocabulary(const SavedModel& start) {
  const fs::path file = fs::path(start.path) / "vocab.txt";
  return fs::exists(file) ? fmt::format("its own, {}", file.string()) : "its own";
}

}  // namespace

std::string tokenizer_text(const TokenizerOptions& options) {
  return fmt::format("lower_case: {}, strip_accents: {}, split_cjk: {}", options.lower_case,
                     options.strip_accents.value_or(options.lower_case), options.split_cjk);
}

void check_vocabulary(const RunConfig& config, const SavedModel& start,
                      const Vocabulary& vocabulary, StartFor use) {
  const bool tunes = use == StartFor::fine_tuning;
  if (start.vocabulary && start.vocabulary->hash() != vocabulary.hash()) {
    throw UsageError(
        fmt::format("tokenizer.vocab: {} is another vocabulary than that of model.from, {}; {}",
                    config.tokenizer.vocab, start.path,
                    tunes ? "set tokenizer.vocab to null, and the model's own is used"
                          : "prepare the samples with " + own_vocabulary(start)));
  }
  if (!says_tokenizer(start)) return;
  const std::string own = tokenizer_text(start.tokenizer);
  const std::string asked = tokenizer_text(config.tokenizer.options);
  if (own == asked) return;
  throw UsageError(fmt::format(
      "tokenizer: {} is not what model.from, {}, was trained with: {}; set them to that{}", asked,
      start.path, own,
      tunes ? ", or tokenizer.vocab to null, and the model's own are used"
            : " and prepare the samples again"));
}

SavedModel open_start_model(const RunConfig& config, const ModelConfig& model,
                            const Vocabulary& vocabulary, Logger& log) {
  SavedModel start = open_saved_model(config.model.from, log);
  check_vocabulary(config, start, vocabulary, StartFor::pre_training);
  check_shape(config.model.from, start.config, model);
  (void)huggingface_weights(start.path);  // in a format that is read
  return start;
}

}  // namespace bertyard
