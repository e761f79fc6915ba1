// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/log.h"
#include "train/baselines.h"
#include "train/checkpoint/checkpoint.h"
#include "train/distillation_options.h"
#include "train/evaluation.h"
#include "train/journal/console.h"
#include "train/journal/loss_log.h"
#include "train/journal/metrics_log.h"
#include "train/journal/tensorboard.h"
#include "train/trainer.h"

namespace bertyard {

// What a run writes about itself beside checkpoints, on rank 0: loss.log, metrics.jsonl,
// TensorBoard events and the progress line.
class RunJournal {
 public:
  struct Setting {
    std::string run_name;
    std::filesystem::path directory;
    LogOptions log;
    std::int64_t total_steps = 0;
    std::uint64_t samples = 0;                       // of the training data: one epoch
    std::string_view token_task = "mlm";             // names the figures of the tokens
    NextSentence next_sentence = NextSentence::nsp;  // names those of the pairs
    double memory_total_gib = 0;
    DistillationOptions
        distill;  // with a teacher its terms are written too, and the loss is theirs
  };
  // Starts anew, or cuts back to where `resumed` was saved.
  RunJournal(const Setting& setting, const CheckpointState* resumed, Logger& log);

  void step_done(const StepReport& report);
  void evaluated(const TrainState& state, const PretrainingEvaluation& evaluation,
                 const Baselines& baselines, double seconds);
  // `stalled` of the seconds held training up.
  void saved(std::int64_t step, const std::filesystem::path& path, double seconds, double stalled);
  // A line of kind event; `what` says which.
  MetricsRecord event(std::string_view what, std::int64_t step) const;
  void write_event(const MetricsRecord& record);
  void finish();

  // loss.log whole in its file, so that a checkpoint may name its end; IoError where it cannot be.
  void flush() { loss_log_.flush(); }
  // Everything on disk. May run beside the other calls, in the thread that saves.
  void sync();
  const LossLog& loss_log() const { return loss_log_; }
  // The last figures, for summary.json.
  const std::map<std::string, double>& summary() const { return summary_; }

 private:
  void write_line(const MetricsRecord& record);
  // A student's terms; what is optimised.
  DistillationLosses taught(const StepReport& report) const;
  double loss(const StepReport& report, const PretrainingScores& scores) const;
  bool pairs() const { return has_sentence_pairs(setting_.next_sentence); }
  void show(const StepReport& report, const PretrainingScores& scores);
  void write_metrics(const StepReport& report, const PretrainingScores& scores);
  void write_event_file(const StepReport& report, const PretrainingScores& scores);

  FileCalls calls_;
  Setting setting_;
  Logger& log_;
  LossLog loss_log_;
  std::optional<MetricsLog> metrics_;
  std::optional<EventFile> events_;
  Console console_;
  TimeLeft time_left_;
  std::size_t phase_ = 0;
  double saving_seconds_ = 0;  // since the last metrics line
  std::map<std::string, double> summary_;
};

}  // namespace bertyard
