// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace bertyard {

enum class StartedBy { srun, mpirun };

// How ranks are started; beside SLURM too.
struct LaunchSection {
  StartedBy by = StartedBy::srun;
  std::string program;             // on the hosts; empty: this one, in a container "bertyard"
  std::vector<std::string> setup;  // lines of shell before the ranks start
  int restarts = 0;                // after a lost rank or node, in one job
  double start_timeout = 60;       // seconds within which every rank has to come
  double lost_after = 90;          // seconds until a node that does not answer is lost (mpirun)
  bool operator==(const LaunchSection&) const = default;
};

// What `bertyard launch` writes into a job script. Empty or 0: the line is left out, so that the
// cluster's own default holds.
struct SlurmSection {
  int nodes = 1;
  int tasks_per_node = 0;  // 0: one for each GPU, else one
  int gpus_per_node = 0;
  int cpus_per_task = 0;
  std::string time;  // as sbatch writes it: 24:00:00
  std::string partition;
  std::string account;
  std::string qos;
  std::string constraint;
  double signal_before = 300;  // seconds before the time limit
  std::string signal = "USR1";
  bool requeue = true;
  std::vector<std::string> modules;
  std::string container;  // words before the program: apptainer exec image.sif
  std::string array;      // 0-7%2
  std::string vary = "run.seed";
  std::vector<std::string> options;  // more of sbatch's: --mem=64G
  bool operator==(const SlurmSection&) const = default;

  int ranks_on_node() const {
    if (tasks_per_node > 0) return tasks_per_node;
    return gpus_per_node > 0 ? gpus_per_node : 1;
  }
  int ranks() const { return nodes * ranks_on_node(); }
};

}  // namespace bertyard
