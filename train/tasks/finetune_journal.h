// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "train/checkpoint/checkpoint.h"
#include "train/distillation_options.h"
#include "train/journal/console.h"
#include "train/journal/loss_log.h"
#include "train/journal/metrics_log.h"
#include "train/journal/tensorboard.h"
#include "train/tasks/task_scores.h"
#include "train/trainer.h"

namespace bertyard {

// What a fine-tuning writes about itself beside checkpoints, on rank 0: loss.log (step, loss, share
// of right predictions or 0 where none are counted), metrics.jsonl and the progress line.
class FinetuneJournal {
 public:
  struct Setting {
    std::string run_name;
    std::filesystem::path directory;
    LogOptions log;
    std::int64_t total_steps = 0;
    std::uint64_t samples = 0;   // one epoch
    bool counts_tokens = false;  // the loss is a mean over labelled words, not samples
    bool counts_right = true;    // not of numbers, nor of a CRF, which scores whole sentences
    DistillationOptions
        distill;  // with a teacher its terms are written too, and the loss is theirs
  };
  // Starts anew, or cuts back to where `resumed` was saved.
  FinetuneJournal(const Setting& setting, const CheckpointState* resumed, Logger& log);

  void step_done(const StepReport& report);
  void evaluated(const TrainState& state, double loss, const TaskScores& scores, bool best);
  void saved(std::int64_t step, const std::filesystem::path& path);
  void finish() { console_.finish(); }
  // Throws IoError unless every line of loss.log is in the file.
  void flush() { loss_log_.flush(); }
  void sync();
  const LossLog& loss_log() const { return loss_log_; }

 private:
  // What a step's sums say.
  struct TrainedStep {
    double loss = 0, right = 0;  // the share of right predictions
    DistillationLosses taught;
  };
  TrainedStep trained_step(const StepReport& report) const;
  std::vector<std::pair<std::string, double>> other_terms(const TrainedStep& step) const;
  void write_metrics(const StepReport& report, const TrainedStep& step);

  FileCalls calls_;
  Setting setting_;
  Logger& log_;
  LossLog loss_log_;
  std::optional<MetricsLog> metrics_;
  std::optional<EventFile> events_;
  Console console_;
  TimeLeft time_left_;
};

}  // namespace bertyard
