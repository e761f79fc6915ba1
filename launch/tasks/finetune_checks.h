// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/log.h"
#include "data/tasks/task_set.h"
#include "launch/config/config.h"
#include "launch/config/run_config.h"

namespace bertyard {

// Which changes of a configuration are looked at: all, or those in a comparison's `set` alone,
// for on its command line they are of what it pre-trains too.
enum class ChangesOf { anything, files };
// Throws UsageError where such a change gives a key that a fine-tuning takes from the section
// `finetune` instead, such as optim.lr. A configuration itself may have them: `train` reads it too.
void refuse_replaced_keys(const LoadedConfig& loaded, ChangesOf which);

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
