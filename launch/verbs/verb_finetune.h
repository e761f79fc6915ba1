// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/config/config.h"
#include "launch/run/environment.h"
#include "launch/tasks/finetune_checks.h"

namespace bertyard {

struct FinetuneVerbOptions {
  ConfigRequest request;
  std::string command;  // for command.txt
  ChangesOf changes = ChangesOf::anything;
};

// `bertyard finetune`: trains every cell of the grid that is not done yet, one after another,
// prints the table and leaves results.json, the best model in runs/NAME/best, a Hugging Face
// directory, and its answers to task.test in runs/NAME/predictions. Stops and resumes as `train`
// does. Exit code 3 is returned where all of that is done and rows of task.test could not be read,
// so that they have no answer; failures are thrown.
int run_finetune(const FinetuneVerbOptions& options, MpiEnvironment& environment);

// Whether what run_finetune() returned says that every cell is trained and the best model is kept.
bool is_finetuned(int exit_code);

}  // namespace bertyard
