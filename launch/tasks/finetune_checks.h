// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/log.h"
#include "data/tasks/task_set.h"
#include "launch/config/config.h"
#include "launch/config/run_config.h"
#include "launch/run/saved_model.h"

namespace bertyard {

// Throws UsageError where tokenizer.vocab is another vocabulary than that of the model to start
// from, or the options of the tokenizer are others than those in its tokenizer_config.json: its
// word vectors would stand for other words.
void check_vocabulary(const RunConfig& config, const SavedModel& start,
                      const Vocabulary& vocabulary);

// Throws UsageError where task.max_length is above the positions of the model.
void check_length(const TaskOptions& task, const ModelConfig& model);
// What to warn of: windows of questions that do not overlap, so that an answer between two of them
// is in neither; empty where they do.
std::string stride_warning(const TaskOptions& task);

// What finetune.head has.
bool has_crf(const RunConfig& config);
bool has_bilstm(const RunConfig& config);

// Throw UsageError where finetune.head does not go with the task, and where parallel.backend is
// cuda and a GPU lacks something for the head or the model.
void check_head(const RunConfig& config);
void check_task_device(const RunConfig& config, const ModelConfig& model);

// What says where a fine-tuning computes: `auto` is the CPU where a GPU lacks something for it.
RunConfig device_config(RunConfig config, const ModelConfig& model);

// Where nothing says the precision and a GPU would have decided it, but lacks something for the
// head or for the model at model.from: fp32, as on the CPU that computes instead.
void settle_task_precision(LoadedConfig& loaded, Logger& log);

// Of the labels, as finetune.class_weights says; empty where it says nothing. Means over the
// training labels are 1, so that the loss keeps its size. Throws UsageError for what are no
// weights.
std::vector<float> class_weights(const RunConfig& config, const TaskSet& train);

}  // namespace bertyard
