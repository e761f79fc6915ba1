// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/run_config.h"

namespace bertyard {

// What a job script is made of, all of it literal.
struct JobPlan {
  std::string config;                  // for the comment
  std::string directory;               // where the ranks work: absolute
  std::string run;                     // the run directory: absolute
  std::string output;                  // where the script and the job's output go: absolute
  std::vector<std::string> program;    // the program and its verb: /opt/bin/bertyard train
  std::vector<std::string> arguments;  // run.yaml optim.lr=1e-4 --resume auto
  std::string run_name;
  bool is_root = false;  // mpirun refuses root unless told otherwise
  SlurmSection slurm;
  LaunchSection launch;
};

// The sbatch script of the plan, with srun or mpirun as launch.by says. UsageError for what cannot
// stand in a script.
std::string slurm_script(const JobPlan& plan);

// Where mpirun alone starts ranks.
struct MpirunPlace {
  std::string hostfile;  // empty: on this machine
  int ranks = 1;
};
// A script that becomes mpirun; it takes other ranks and another host file as arguments.
std::string mpirun_script(const JobPlan& plan, const MpirunPlace& place);

// Open MPI's probes of a silent host: the first after `idle` seconds, then `probes` of them,
// `interval` seconds apart; together launch.lost_after.
struct HostProbes {
  int idle = 60;
  int interval = 5;
  int probes = 6;
};
HostProbes probes_of(double lost_after);

}  // namespace bertyard
