// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/config.h"
#include "launch/run/environment.h"

namespace bertyard {

enum class CompareForm {
  run,    // what is not done yet, then the table
  table,  // the table of what is done
};

struct CompareVerbOptions {
  std::string path;                       // of the comparison
  std::vector<ConfigOverride> overrides;  // of every configuration in it
  std::string command;                    // for command.txt
  CompareForm form = CompareForm::run;
};

// `bertyard compare`: pre-trains the systems that have a configuration for it, fine-tunes each on
// each task with each seed, prints system x task and writes comparison.md and comparison.json.
// What is done is not done again; stops and resumes as `train` and `finetune` do.
int run_compare(const CompareVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
