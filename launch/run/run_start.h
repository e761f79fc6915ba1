// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "launch/config/config.h"
#include "launch/run/pretraining_setup.h"
#include "launch/run/train_profile.h"
#include "parallel/communicator.h"
#include "parallel/control_plane.h"
#include "parallel/pulse.h"
#include "train/journal/run_directory.h"
#include "train/run_checkpoints.h"
#include "train/trainer.h"

namespace bertyard {

// What one rank's run is made of. Borrows everything.
struct RunParts {
  const LoadedConfig& loaded;
  PretrainingSetup& setup;
  Communicator& communicator;  // of the ranks' host memory
  Communicator& devices;       // of their devices': the same on CPUs
  ControlPlane& control;
  Logger& log;
  std::string command;             // for command.txt
  std::vector<std::string> hosts;  // by rank
  std::string rank_table;          // for logs/ranks.txt
  std::function<void(int exit_code)> end_job;
  TrainProfile& profile;
  Pulse* pulse = nullptr;  // of a real run

  bool leads() const { return communicator.rank() == 0; }
};

// What decides the bits of a run beside its configuration: design, 4.5. Of a GPU once
// allocate_run() has been called.
std::map<std::string, std::string> environment_of(const RunParts& parts);

// Takes the memory and joins it to the checkpoints of the run `run_id`; an empty id: of any run.
RunCheckpoints allocate_run(const RunParts& parts, const std::string& run_id);

// Weights, optimizer state and position of the checkpoint that rank 0 chooses in `directory` (null
// on the others), on every rank; drawn weights and nothing for a new run. The checkpoint's files
// are closed again, so that rotation frees their space.
std::optional<CheckpointState> restore_run(const RunParts& parts, const RunDirectory* directory,
                                           RunCheckpoints& checkpoints, TrainState& state);

// Trains from `state` to the end of the plan or until the hooks ask for a stop.
TrainEnd train_run(const RunParts& parts, TrainerHooks& hooks, const TrainState& state);

}  // namespace bertyard
