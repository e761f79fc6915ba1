// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/base/log.h"
#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "data/options.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// A model on disk, whatever wrote it: a run directory (its newest good checkpoint; of a fine-tuning
// or one of its cells the best model), a checkpoint, or a Hugging Face directory.
struct SavedModel {
  std::string path;  // what was opened in the end
  std::string kind;  // for people: "checkpoint of step 750", "Hugging Face directory"
  ModelConfig config;
  std::optional<Vocabulary> vocabulary;  // as ModelText has it
  TokenizerOptions tokenizer;
  std::optional<std::int64_t> step;  // of a checkpoint
  // Fills the bound values of `parameters` (f32 host memory).
  std::function<void(ParameterStore& parameters)> load;
};

// What turns text into a model's tokens: vocab.txt and tokenizer_config.json, or, without
// vocab.txt, tokenizer.json. The vocabulary is absent where the directory has neither.
struct ModelText {
  std::optional<Vocabulary> vocabulary;
  TokenizerOptions tokenizer;
};
ModelText read_model_text(const std::filesystem::path& directory);

// Throws DataError where `path` is none of them, or what is there is damaged.
SavedModel open_saved_model(const std::string& path, Logger& log);

// The hash, as text, of the file of weights in the directory that was opened in the end.
std::string weights_file_hash(const std::filesystem::path& directory);

}  // namespace bertyard
