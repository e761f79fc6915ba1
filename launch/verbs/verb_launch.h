// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/config.h"

namespace bertyard {

enum class LaunchAction { write, submit };
enum class LaunchCheck { yes, no };

struct LaunchVerbOptions {
  ConfigRequest request;
  std::vector<std::string> arguments;            // of `bertyard train`: run.yaml optim.lr=1e-4
  std::string hosts;                             // a host file of mpirun's; with `local` 0: SLURM
  int local = 0;                                 // ranks on this machine
  std::vector<std::string> slurm_switches = {};  // as they were given: "--nodes"; SLURM's alone
  LaunchAction action = LaunchAction::write;
  LaunchCheck check = LaunchCheck::yes;
};

// `bertyard launch`: writes the script of a job that trains, into the run directory, and shows it.
// With --submit `check` looks at the configuration first, for the job's ranks; then sbatch gets the
// script, or, with --hosts and --local, it runs here and now and is started again up to
// launch.restarts times; then the exit code is the run's. What check refuses is an Error with
// check's exit code, and nothing is written or submitted.
int run_launch(const LaunchVerbOptions& options);

}  // namespace bertyard
