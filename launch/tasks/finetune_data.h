// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "data/tasks/task_set.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"
#include "launch/run/saved_model.h"
#include "launch/run/task_model_files.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {

// What all combinations of a fine-tuning share: the model to start from and the encoded data.
struct FinetuneData {
  std::optional<SavedModel> start;  // absent: random weights
  ModelConfig model;
  Vocabulary vocabulary;
  TokenizerOptions tokenizer;
  std::vector<std::string> labels;
  std::unique_ptr<TaskSet> train, valid;
  std::optional<TaskModelFiles> teacher;  // of a distillation
  std::string start_hash = "random";      // of the weights to start from, and
  std::string teacher_hash = "none";
};

// Opens the model and reads, splits and encodes the data; bad rows are warned of by name. DataError
// where there is nothing to train on or nothing held out.
FinetuneData open_finetune_data(const RunConfig& config, Logger& log);

// The head of the task that is configured, for these labels.
HeadDescription head_of(const RunConfig& config, const std::vector<std::string>& labels);

}  // namespace bertyard
