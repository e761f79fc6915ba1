// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/base/log.h"
#include "launch/config.h"
#include "launch/pretraining_setup.h"
#include "parallel/communicator.h"
#include "parallel/control_plane.h"
#include "train/baselines.h"
#include "train/run_checkpoints.h"
#include "train/run_directory.h"
#include "train/run_journal.h"
#include "train/trainer.h"

namespace bertyard {

// One rank's part of a pre-training run: joins setup, ranks, run directory and trainer. Rank 0
// alone owns the run directory and the journal.
class PretrainingRun final : public TrainerHooks {
 public:
  struct Parts {
    const LoadedConfig& loaded;
    PretrainingSetup& setup;
    Communicator& communicator;
    ControlPlane& control;
    Logger& log;
    std::string command;  // for command.txt
  };
  explicit PretrainingRun(const Parts& parts);
  ~PretrainingRun() override;

  // Resumes or starts, trains, and leaves STATUS and summary.json.
  TrainEnd run();

  void step_done(const StepReport& report) override;
  void evaluate(const TrainState& state) override;
  void save(const TrainState& state) override;
  StopRequest stop_requested() override;

 private:
  bool leads() const { return parts_.communicator.rank() == 0; }
  void open_directory();
  RunCheckpoints::Setting checkpoint_setting(const std::string& run_id) const;
  // The checkpoint rank 0 chose, restored on every rank; nothing for a new run.
  std::optional<Checkpoint> restore();
  void print_banner(const TrainState& start) const;
  void open_journal(const Checkpoint* resumed);
  TrainEnd train(const TrainState& start);
  void finish(TrainEnd end);

  Parts parts_;
  std::optional<RunDirectory> directory_;
  std::optional<RunCheckpoints> checkpoints_;
  std::optional<RunJournal> journal_;
  std::optional<Baselines> baselines_;   // rank 0, at the first evaluation
  std::optional<double> held_out_loss_;  // since the last checkpoint
  TrainState start_;
};

}  // namespace bertyard
