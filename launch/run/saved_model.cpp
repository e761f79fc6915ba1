// SPDX-License-Identifier: Apache-2.0
#include "launch/run/saved_model.h"

#include <memory>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/file_writer.h"
#include "launch/run/finetune_layout.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/huggingface/huggingface.h"
#include "train/huggingface/tokenizer_json.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

void take_text(SavedModel& model, const fs::path& directory) {
  ModelText text = read_model_text(directory);
  model.vocabulary = std::move(text.vocabulary);
  model.tokenizer = text.tokenizer;
}

SavedModel from_checkpoint(const fs::path& path, Logger& log) {
  const auto checkpoint = std::make_shared<const Checkpoint>(open_checkpoint(path, log));
  SavedModel model;
  model.path = checkpoint->path().string();
  model.kind = fmt::format("checkpoint of step {}", checkpoint->state().step);
  model.config = checkpoint->model();
  take_text(model, checkpoint->path());
  model.step = checkpoint->state().step;
  model.load = [checkpoint](ParameterStore& parameters) {
    // Not read_weights(): a run may have trained more than the model, such as a distillation's fit.
    load_huggingface_weights(checkpoint->path(), parameters, MissingHeads::refuse);
  };
  return model;
}

SavedModel from_huggingface(const fs::path& path) {
  SavedModel model;
  model.path = path.string();
  model.kind = "Hugging Face directory";
  model.config = read_huggingface_config(path);
  take_text(model, path);
  model.load = [path](ParameterStore& parameters) {
    load_huggingface_weights(path, parameters, MissingHeads::refuse);
  };
  return model;
}

}  // namespace

ModelText read_model_text(const fs::path& directory) {
  if (fs::exists(directory / "vocab.txt")) {
    return {Vocabulary::load(directory / "vocab.txt"), read_huggingface_tokenizer(directory)};
  }
  if (!fs::exists(directory / "tokenizer.json")) {
    return {std::nullopt, read_huggingface_tokenizer(directory)};
  }
  TokenizerFile file = read_tokenizer_json(directory / "tokenizer.json");
  return {std::move(file.vocabulary), file.options};
}

SavedModel open_saved_model(const std::string& path, Logger& log) {
  const fs::path directory(path);
  if (!fs::is_directory(directory)) {
    throw DataError(fmt::format(
        "{}: expected the directory of a run, a checkpoint or a Hugging Face model, found {}", path,
        fs::exists(directory) ? "a file" : "nothing; models are not downloaded"));
  }
  const bool checkpoint =
      fs::exists(directory / "manifest.json") || fs::exists(directory / "checkpoints");
  if (!checkpoint && fs::exists(directory / "config.json")) return from_huggingface(directory);
  if (!checkpoint && fs::exists(directory / "best" / "config.json")) {  // of a fine-tuning
    return from_huggingface(directory / "best");
  }
  if (!checkpoint) refuse_unfinished(directory);
  // Of one cell of a fine-tuning the best step counts, not the last.
  const fs::path best = directory / "checkpoints" / "best";
  if (fs::exists(best / "config.json") && read_huggingface_head(best)) {
    return from_checkpoint(best, log);
  }
  return from_checkpoint(directory, log);
}

std::string weights_file_hash(const fs::path& directory) {
  return hash_text(digest_of_file(huggingface_weights(directory), FileCalls()).hash);
}

}  // namespace bertyard
