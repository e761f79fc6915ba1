// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "launch/run_start.h"
#include "train/baselines.h"
#include "train/run_journal.h"
#include "train/trainer.h"

namespace bertyard {

// One rank's part of a pre-training run: joins setup, ranks, run directory and trainer. Rank 0
// alone owns the run directory and the journal.
class PretrainingRun final : public TrainerHooks {
 public:
  explicit PretrainingRun(const RunParts& parts);
  ~PretrainingRun() override;

  // Resumes or starts, trains, and leaves STATUS and summary.json.
  TrainEnd run();

  void step_done(const StepReport& report) override;
  void evaluate(const TrainState& state) override;
  void save(const TrainState& state) override;
  StopRequest stop_requested() override;

 private:
  bool leads() const { return parts_.leads(); }
  void open_directory();
  // How this start was made, once nothing of the start can be refused any more.
  void write_record();
  void open_journal(const CheckpointState* resumed);
  void finish(TrainEnd end);
  void note_failure(const std::string& reason);

  RunParts parts_;
  std::optional<RunDirectory> directory_;
  std::optional<RunCheckpoints> checkpoints_;
  std::optional<RunJournal> journal_;
  std::optional<Baselines> baselines_;   // rank 0, at the first evaluation
  std::optional<double> held_out_loss_;  // since the last checkpoint
  TrainState start_;
  bool recorded_ = false;  // the start was not refused
};

}  // namespace bertyard
