// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/config/config.h"
#include "launch/run/environment.h"

namespace bertyard {

enum class TrainForm { real, dry };

struct TrainVerbOptions {
  ConfigRequest request;
  std::string command;  // the command line, for the run directory
  TrainForm form = TrainForm::real;
  std::string profile = {};  // where the trace of some steps goes; empty: nowhere
};

// What the start of the ranks goes by, before anything of the configuration is checked.
StartOptions training_start(const ConfigRequest& request);

// `bertyard train`: pre-trains on every rank of the environment. Returns the exit code: 0 done, 75
// stopped by USR1 or USR2, 143 by TERM or INT, each after a checkpoint. With `--dry-run` one step
// is made, on mock data where the shards are not there yet, and nothing is written. With
// `--profile FILE` every rank leaves a Chrome trace of some steps (train/step_trace.h).
int run_train(const TrainVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
