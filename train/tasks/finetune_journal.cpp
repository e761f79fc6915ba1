// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/finetune_journal.h"

#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "train/task_objective.h"

namespace bertyard {
namespace {

LossLog open_loss_log(const std::filesystem::path& path, const CheckpointState* resumed,
                      const FileCalls& calls) {
  if (resumed == nullptr) return LossLog::create(path, calls);
  return LossLog::resume(path, resumed->loss_log_bytes, resumed->loss_log_hash, calls);
}

}  // namespace

FinetuneJournal::FinetuneJournal(const Setting& setting, const CheckpointState* resumed,
                                 Logger& log)
    : setting_(setting),
      log_(log),
      loss_log_(open_loss_log(setting.directory / "loss.log", resumed, calls_)),
      console_(setting.log, standard_error_target()) {
  if (setting_.log.jsonl) {
    metrics_.emplace(setting_.directory / "metrics.jsonl", calls_);
    if (resumed != nullptr) metrics_->mark_resume(resumed->step);
  }
  if (setting_.log.tensorboard) events_.emplace(setting_.directory, calls_);
}

FinetuneJournal::TrainedStep FinetuneJournal::trained_step(const StepReport& report) const {
  const std::int64_t over = setting_.counts_tokens ? report.counts.masked : report.counts.samples;
  const double count = over > 0 ? static_cast<double>(over) : 1.0;
  TrainedStep step{report.sums[0] / count, report.sums[1] / count, {}};
  if (!setting_.distill.taught()) return step;
  step.taught =
      distillation_losses(report.sums[0], std::span(report.sums).subspan(TaskObjective::kSums),
                          over, report.counts.tokens);
  step.loss = step.taught.total(setting_.distill);
  return step;
}

void FinetuneJournal::step_done(const StepReport& report) {
  const TrainedStep step = trained_step(report);
  loss_log_.append(
      {report.state.step, step.loss, step.right, report.counts.masked, report.counts.samples});
  time_left_.observe(report.seconds);
  if (report.spiked) {
    console_.clear();
    log_.warning("step {}: the loss {:.3f} is a spike; all ranks leave this update out",
                 report.state.step, step.loss);
  } else if (!report.update.applied) {
    console_.clear();
    log_.warning("step {}: the gradient is not finite; all ranks skip this update",
                 report.state.step);
  }
  Progress progress;
  progress.run = setting_.run_name;
  progress.step = report.state.step;
  progress.total_steps = setting_.total_steps;
  progress.loss = step.loss;
  progress.learning_rate = report.learning_rate;
  progress.gradient_norm = report.update.gradient_norm;
  progress.tokens_per_second = static_cast<double>(report.tokens) / report.seconds;
  progress.data_fraction = report.data_seconds / report.seconds;
  progress.seconds_left = time_left_.seconds(setting_.total_steps - report.state.step);
  console_.progress(progress);
  const bool last = report.state.step == setting_.total_steps;
  if (report.state.step % setting_.log.every_steps != 0 && !last) return;
  write_metrics(report, step);
  std::vector<Scalar> scalars{{"train/loss", step.loss},
                              {"train/learning_rate", report.learning_rate},
                              {"train/gradient_norm", report.update.gradient_norm},
                              {"speed/tokens_per_second", progress.tokens_per_second}};
  for (const auto& [name, value] : other_terms(step)) {
    scalars.push_back({fmt::format("train/{}", name), value});
  }
  if (events_) events_->write_or_end(report.state.step, scalars, log_);
}

// What not every fine-tuning has.
std::vector<std::pair<std::string, double>> FinetuneJournal::other_terms(
    const TrainedStep& step) const {
  std::vector<std::pair<std::string, double>> terms;
  if (setting_.counts_right) terms.emplace_back("right", step.right);
  if (!setting_.distill.taught()) return terms;
  const DistillationLosses& taught = step.taught;
  terms.insert(terms.end(), {{"loss_hard", taught.hard},
                             {"loss_soft", taught.soft},
                             {"loss_cosine", taught.cosine},
                             {"loss_hidden", taught.hidden},
                             {"loss_attention", taught.attention}});
  return terms;
}

void FinetuneJournal::write_metrics(const StepReport& report, const TrainedStep& step) {
  if (!metrics_) return;
  MetricsRecord record("train", report.state.step);
  record.add("tokens", report.state.tokens)
      .add("epoch",
           static_cast<double>(report.state.data_position) / static_cast<double>(setting_.samples))
      .add("loss", step.loss)
      .add("lr", report.learning_rate)
      .add("grad_norm", report.update.gradient_norm)
      .add("tok_per_s", static_cast<double>(report.tokens) / report.seconds)
      .add("step_ms", report.seconds * 1e3)
      .add("skipped", std::int64_t{report.update.applied ? 0 : 1});
  for (const auto& [name, value] : other_terms(step)) record.add(name, value);
  metrics_->write_or_lose(record, log_);
}

void FinetuneJournal::evaluated(const TrainState& state, double loss, const TaskScores& scores,
                                bool best) {
  console_.clear();
  std::string text;
  for (const auto& [name, value] : scores.figures) {
    text += fmt::format(", {} {}", name, figure_text(name, value));
  }
  log_.info("step {}: held-out loss {:.4f}{}{}", state.step, loss, text, best ? " (best)" : "");
  std::vector<Scalar> scalars{{"held_out/loss", loss}};
  for (const auto& [name, value] : scores.figures) scalars.push_back({"held_out/" + name, value});
  if (events_) events_->write_or_end(state.step, scalars, log_);
  if (!metrics_) return;
  MetricsRecord record("eval", state.step);
  record.add("loss", loss);
  for (const auto& [name, value] : scores.figures) record.add(name, value);
  metrics_->write_or_lose(record, log_);
}

void FinetuneJournal::saved(std::int64_t step, const std::filesystem::path& path) {
  console_.clear();
  log_.debug("step {}: saved {}", step, path.string());
}

void FinetuneJournal::sync() {
  loss_log_.sync();
  if (metrics_) metrics_->sync();
}

}  // namespace bertyard
