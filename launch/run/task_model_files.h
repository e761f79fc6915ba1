// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/base/log.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"
#include "train/huggingface/huggingface.h"
#include "train/tasks/task_scores.h"

namespace bertyard {

// The file that a fine-tuned directory carries beside Hugging Face's: the task it was trained on.
inline constexpr char kTaskFile[] = "finetune.yaml";

// A fine-tuned model on disk: a fine-tuning run (its best/), or a Hugging Face directory with a
// head.
struct TaskModelFiles {
  std::filesystem::path path;
  ModelConfig model;
  HeadDescription head;
  Vocabulary vocabulary;
  TokenizerOptions tokenizer;
  TaskOptions task;
};

// The configuration with the task that a model was trained on, as it lies beside it; nothing where
// there is none.
std::optional<std::string> task_text(const std::filesystem::path& directory);

// Whether `path` holds such a model, by its config.json.
bool is_task_model(const std::string& path);

// `task_file`: a configuration whose task is taken where the directory does not tell, or instead.
// DataError where there is no model, or no task in either. Labels LABEL_0, LABEL_1 and so on become
// those that the task brings, by their ids, where it brings as many.
TaskModelFiles open_task_model(const std::string& path, const std::string& task_file);

// Transition scores of a CRF from the bound values; an empty table without one.
CrfTable crf_table(const ParameterStore& parameters);

}  // namespace bertyard
