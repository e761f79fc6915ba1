// SPDX-License-Identifier: Apache-2.0
#include "launch/run/task_model_files.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "launch/config/config.h"
#include "launch/run/finetune_layout.h"
#include "launch/run/saved_model.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// A run's best/, a cell's checkpoints/best, or the directory itself.
fs::path model_directory(const fs::path& path) {
  for (const fs::path& inner : {path / "best", path / "checkpoints" / "best"}) {
    if (fs::exists(inner / "config.json")) return inner;
  }
  return path;
}

HeadKind head_kind(TaskKind kind) {
  switch (kind) {
    case TaskKind::regress:
      return HeadKind::regress;
    case TaskKind::tag:
      return HeadKind::tag;
    case TaskKind::qa:
      return HeadKind::span;
    case TaskKind::none:
    case TaskKind::classify:
    case TaskKind::pair:
      break;
  }
  return HeadKind::classify;
}

// Where the model's labels are but the numbers of its classes, as transformers calls them by
// default, the task's own, if it brings as many.
std::vector<std::string> named_labels(const std::vector<std::string>& labels,
                                      const TaskOptions& task) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != fmt::format("LABEL_{}", i)) return labels;
  }
  const TaskLayout* layout = find_layout(task.name);
  const bool has_layout = layout != nullptr && task.kind != TaskKind::tag;
  const std::vector<std::string>& own =
      task.labels.empty() && has_layout ? layout->labels : task.labels;
  return own.size() == labels.size() ? own : labels;
}

// The stored task beside a model; of a cell that is not done, its own configuration.
std::optional<fs::path> stored_task(const fs::path& directory) {
  if (fs::exists(directory / kTaskFile)) return directory / kTaskFile;
  const fs::path run = fs::weakly_canonical(directory).parent_path().parent_path();
  const fs::path config = run / "config.resolved.yaml";
  if (cell_of_directory(run) && fs::exists(config)) return config;
  return std::nullopt;
}

TaskOptions task_of(const fs::path& directory, const std::string& task_file) {
  if (!task_file.empty()) return load_config({task_file, {}, {}}).config.task;
  if (const auto stored = stored_task(directory)) {
    return parse_config(stored->string(), read_file(*stored)).config.task;
  }
  throw DataError(fmt::format(
      "{}: there is no {} that tells the task; give a configuration with it: --task task.yaml",
      directory.string(), kTaskFile));
}

}  // namespace

std::optional<std::string> task_text(const fs::path& directory) {
  const auto stored = stored_task(directory);
  if (!stored) return std::nullopt;
  return read_file(*stored);
}

bool is_task_model(const std::string& path) {
  const fs::path directory = model_directory(path);
  return fs::exists(directory / "config.json") && read_huggingface_head(directory).has_value();
}

TaskModelFiles open_task_model(const std::string& path, const std::string& task_file) {
  const fs::path directory = model_directory(path);
  refuse_unfinished(path);
  if (!is_task_model(path)) {
    throw DataError(fmt::format(
        "{}: expected a fine-tuned model, a config.json whose \"architectures\" is "
        "BertForSequenceClassification, BertForTokenClassification or BertForQuestionAnswering, or "
        "of an ELMo BertyardElmoForSequenceClassification and so on",
        path));
  }
  ModelText text = read_model_text(directory);
  if (!text.vocabulary) {
    throw DataError(fmt::format(
        "{}: there is no vocab.txt and no tokenizer.json, so text cannot be turned into tokens; "
        "put the one or the other beside its config.json",
        directory.string()));
  }
  TaskModelFiles files{.path = directory,
                       .model = read_huggingface_config(directory),
                       .head = *read_huggingface_head(directory),
                       .vocabulary = std::move(*text.vocabulary),
                       .tokenizer = text.tokenizer,
                       .task = task_of(directory, task_file)};
  if (files.task.kind == TaskKind::none || head_kind(files.task.kind) != files.head.head.kind) {
    throw DataError(
        fmt::format("{}: its head does not suit the kind of the task; set task.kind to "
                    "what it was trained for",
                    directory.string()));
  }
  files.head.labels = named_labels(files.head.labels, files.task);
  return files;
}

CrfTable crf_table(const ParameterStore& parameters) {
  const auto values = [&](const char* name) {
    const auto id = parameters.find(name);
    if (!id) return std::vector<double>();
    const TensorView view = parameters.value(*id);
    const auto span = view.span<float>();
    return std::vector<double>(span.begin(), span.end());
  };
  return {values("crf.transitions"), values("crf.start_transitions"),
          values("crf.end_transitions")};
}

}  // namespace bertyard
