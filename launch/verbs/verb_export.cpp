// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_export.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "data/files/atomic_file.h"
#include "launch/run/host_weights.h"
#include "launch/run/rank_log.h"
#include "launch/run/saved_model.h"
#include "launch/run/task_model_files.h"
#include "train/huggingface/huggingface.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// Reads back into `read`, which is bound to memory of its own, and compares.
void verify(const std::string& directory, const ParameterStore& written, ParameterStore& read) {
  load_huggingface_weights(directory, read, MissingHeads::refuse);
  for (int i = 0; i < written.size(); ++i) {
    const ConstTensorView a = written.value(ParameterId{i});
    const ConstTensorView b = read.value(ParameterId{i});
    if (a.shape() != b.shape() || std::memcmp(a.data(), b.data(), a.bytes()) != 0) {
      throw DataError(fmt::format("{}: '{}' read back differs from what was written", directory,
                                  written.info({i}).name));
    }
  }
}

// What transformers makes of the model of a task that it does not know in full; empty: all of it.
std::string transformers_note(const ModelConfig& model, const HeadDescription& head) {
  if (model.is_elmo()) return "transformers has no ELMo and does not open this directory";
  if (head.head.reader == TagReader::bilstm) {
    return "transformers has no BiLSTM below its labels and does not open this directory";
  }
  if (head.head.decision == TagDecision::crf) {
    return "transformers does not know the CRF and takes each word's best label alone";
  }
  return "";
}

// A reader of the directory must not find another model's files, or a run, beside this one's.
void check_directory(const fs::path& directory) {
  if (!fs::is_directory(directory)) return;
  const std::array<std::string_view, 5> ours{"config.json", "model.safetensors", "vocab.txt",
                                             "tokenizer_config.json", kTaskFile};
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.starts_with("README")) continue;
    if (std::ranges::find(ours, name) != ours.end()) continue;
    throw UsageError(fmt::format(
        "export: {} holds {}, which is no part of an exported model; choose another --to",
        directory.string(), name));
  }
}

// `head`: null of a pre-trained model.
void write_model(const ExportVerbOptions& options, const SavedModel& model,
                 const ParameterStore& store, const HeadDescription* head) {
  const std::string vocabulary = model.vocabulary->text();
  export_huggingface(options.to, {.model = model.config,
                                  .parameters = store,
                                  .values = store.values(),
                                  .vocabulary = vocabulary,
                                  .tokenizer = model.tokenizer,
                                  .head = head});
}

// A fine-tuned model with its head, and the task it was trained on.
void export_task_model(const ExportVerbOptions& options, const SavedModel& model,
                       const HeadDescription& head) {
  HostTaskWeights weights(model.config, head.head);
  model.load(weights.store);
  write_model(options, model, weights.store, &head);
  if (const auto task = task_text(model.path)) {
    write_file_atomically(fs::path(options.to) / kTaskFile, *task);
  }
  fmt::print("{} ({}): {} parameters, {} label(s) -> {}\n", model.path, model.kind,
             grouped(weights.store.parameter_count()), head.head.labels, options.to);
  const std::string note = transformers_note(model.config, head);
  if (!note.empty()) write_standard_error(fmt::format("note: {}\n", note));
  if (options.verify == VerifyExport::no) return;
  HostTaskWeights read(read_huggingface_config(options.to), head.head);
  verify(options.to, weights.store, read.store);
}

void export_pretrained(const ExportVerbOptions& options, const SavedModel& model) {
  fs::remove(fs::path(options.to) / kTaskFile);  // of a fine-tuned one that was there
  HostWeights weights(model.config);
  model.load(weights.store);
  write_model(options, model, weights.store, nullptr);
  fmt::print("{} ({}): {} parameters -> {}\n", model.path, model.kind,
             grouped(weights.store.parameter_count()), options.to);
  if (options.verify == VerifyExport::no) return;
  HostWeights read(read_huggingface_config(options.to));
  verify(options.to, weights.store, read.store);
}

}  // namespace

int run_export(const ExportVerbOptions& options) {
  Logger log = rank_logger({}, 0, "");
  const SavedModel model = open_saved_model(options.model, log);
  if (!model.vocabulary) {
    throw DataError(fmt::format("{}: there is no vocab.txt to export", model.path));
  }
  check_directory(options.to);
  if (const auto head = read_huggingface_head(model.path)) {
    export_task_model(options, model, *head);
  } else {
    export_pretrained(options, model);
  }
  if (options.verify == VerifyExport::yes) {
    fmt::print("verified: read back, every tensor is the same bit for bit\n");
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
