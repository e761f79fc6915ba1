// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/run/environment.h"
#include "launch/run/task_model_files.h"
#include "launch/verbs/verb_eval.h"

namespace bertyard {

struct PredictVerbOptions {
  std::string model;              // a fine-tuned model
  std::vector<std::string> data;  // files of its task
  std::string to;                 // where the submission goes; empty: scores alone
  std::string task;               // a configuration with the task, where the model does not tell
  OutputForm form = OutputForm::text;
  int threads = 0;
};

// `bertyard predict`, and `eval` of a fine-tuned model: the official files of predictions, and the
// task's scores where the data are labelled. Exit code 3, after all is written, where a file of
// predictions lacks the answer to a row that could not be read.
int run_predict(const PredictVerbOptions& options, MpiEnvironment& environment);
// The same among ranks that are together already.
int predict(const PredictVerbOptions& options, const ProcessGroup& group, Logger& log);

}  // namespace bertyard
