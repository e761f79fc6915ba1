// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/run/run_start.h"
#include "launch/run/run_watch.h"
#include "parallel/noted_communicator.h"
#include "train/baselines.h"
#include "train/checkpoint/background_saver.h"
#include "train/journal/run_journal.h"
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
  void skipped(const Skipped& skipped) override;
  void compare_replicas(const TrainState& state) override;
  void found_stragglers(const TrainState& state, const std::vector<Straggler>& slow) override;
  double loss_of(const StepReport& report) const override;
  TrainState roll_back(const StepReport& spike) override;
  StopRequest stop_requested() override;

 private:
  bool leads() const { return parts_.leads(); }
  void open_directory();
  void start_watch();
  // How this start was made, once nothing of the start can be refused any more.
  void write_record();
  void show_banner();
  void open_journal(const CheckpointState* resumed);
  void start_save(const TrainState& state);
  // What became of a save; throws IoError after too many failures in a row, or where `last` fails.
  void note_saved(const std::optional<BackgroundSaver::Saved>& saved, bool last = false);
  void note_idle(const StepReport& report);
  std::filesystem::path directory_path() const;
  void finish(TrainEnd end);
  void note_failure(const std::string& reason);

  Pulse pulse_;
  NotedCommunicator communicator_;
  NotedCommunicator devices_;
  RunParts parts_;
  std::optional<RunWatch> watch_;
  std::optional<RunDirectory> directory_;
  std::optional<RunCheckpoints> checkpoints_;
  std::optional<RunJournal> journal_;
  std::optional<Baselines> baselines_;  // rank 0, at the first evaluation
  std::optional<HeldOut> held_out_;     // since the last checkpoint
  TrainState start_;
  std::unique_ptr<FileCalls> calls_;  // of checkpoints
  CheckpointSnapshot snapshot_;
  double stalled_seconds_ = 0;  // by the save under way
  int failed_saves_ = 0;        // in a row
  bool has_noted_idle_ = false;
  std::int64_t saved_step_ = 0;  // of the newest good one of this start
  bool recorded_ = false;        // the start was not refused
  BackgroundSaver saver_;        // last: what it writes from is there until it is done
};

}  // namespace bertyard
