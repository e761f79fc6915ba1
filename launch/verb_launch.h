// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config.h"

namespace bertyard {

enum class LaunchAction { write, submit };

struct LaunchVerbOptions {
  ConfigRequest request;
  std::vector<std::string> arguments;  // of `bertyard train`: run.yaml optim.lr=1e-4
  std::string hosts;                   // a host file of mpirun's; with `local` 0: SLURM
  int local = 0;                       // ranks on this machine
  LaunchAction action = LaunchAction::write;
};

// `bertyard launch`: writes the script of a job that trains, into the run directory, and shows it.
// With --submit sbatch gets it, or, with --hosts and --local, it runs here and now and is started
// again up to launch.restarts times; then the exit code is the run's.
int run_launch(const LaunchVerbOptions& options);

}  // namespace bertyard
