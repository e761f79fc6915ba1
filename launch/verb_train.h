// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/config.h"
#include "launch/environment.h"

namespace bertyard {

struct TrainVerbOptions {
  ConfigRequest request;
  std::string command;  // the command line, for the run directory
};

// `bertyard train`: pre-trains on every rank of the environment. Returns the exit code: 0 done, 75
// stopped by USR1 or USR2, 143 by TERM or INT, each after a checkpoint.
int run_train(const TrainVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
