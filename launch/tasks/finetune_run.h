// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launch/run/run_watch.h"
#include "launch/tasks/finetune_setup.h"
#include "parallel/communicator.h"
#include "parallel/control_plane.h"
#include "parallel/noted_communicator.h"
#include "parallel/pulse.h"
#include "train/journal/run_directory.h"
#include "train/run_checkpoints.h"
#include "train/tasks/finetune_journal.h"
#include "train/tasks/task_scores.h"
#include "train/trainer.h"

namespace bertyard {

// What one rank's fine-tuning is made of. Borrows everything.
struct FinetuneParts {
  FinetuneSetup& setup;
  Communicator& communicator;  // of the ranks' host memory
  Communicator& devices;       // of their devices': the same on CPUs
  ControlPlane& control;
  Logger& log;
  std::string input_text;  // of the configuration
  std::string command;
  std::vector<std::string> hosts;  // by rank
  std::function<void(int exit_code)> end_job;
};

// An evaluation on the held-out part, as it is kept for early stopping.
struct ScoredStep {
  std::int64_t step = 0;
  double loss = 0;
  double score = 0;
};

// One cell of the grid on one rank: a run of its own with directory, checkpoints and exact resume.
// Rank 0 alone owns the directory and the journal. A watchdog looks after its ranks, as in `train`.
class FinetuneRun final : public TrainerHooks {
 public:
  FinetuneRun(const FinetuneParts& parts, const FinetuneCell& cell);

  // Resumes or starts, trains, leaves STATUS and result.json.
  TrainEnd run();
  // Rank 0, after the end.
  const CellResult& result() const { return result_; }

  void step_done(const StepReport& report) override;
  void evaluate(const TrainState& state) override;
  void save(const TrainState& state) override;
  StopRequest stop_requested() override;
  bool converged() const override;
  double loss_of(const StepReport& report) const override;

 private:
  bool leads() const { return parts_.communicator.rank() == 0; }
  void open_directory();
  void start_watch();
  void restore();
  void restore_history(std::int64_t step);
  TrainEnd train();
  // In place of an evaluation, where no head is trained that could be scored.
  void keep_last(const TrainState& state);
  void finish(TrainEnd end);
  std::string history_text() const;
  std::map<std::string, std::string> environment() const;
  CheckpointState identity(const std::string& run_id) const;

  Pulse pulse_;
  NotedCommunicator communicator_;
  NotedCommunicator devices_;
  FinetuneParts parts_;  // with these two
  std::optional<RunDirectory> directory_;
  std::optional<RunCheckpoints> checkpoints_;
  std::optional<FinetuneJournal> journal_;
  std::optional<CheckpointState> resumed_;
  std::vector<ScoredStep> history_;
  CheckpointSnapshot snapshot_;      // rank 0's copy of what is being saved
  std::optional<double> new_score_;  // since the last checkpoint
  TrainState start_;
  CellResult result_;
  std::optional<RunWatch> watch_;  // ends first: what it watches is still there
};

}  // namespace bertyard
