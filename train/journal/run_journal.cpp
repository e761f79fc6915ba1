// SPDX-License-Identifier: Apache-2.0
#include "train/journal/run_journal.h"

#include <vector>

#include <sys/resource.h>

#include "core/base/error.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

double peak_memory_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);  // KiB on Linux
}

LossLog open_loss_log(const std::filesystem::path& path, const CheckpointState* resumed,
                      const FileCalls& calls) {
  if (resumed == nullptr) return LossLog::create(path, calls);
  return LossLog::resume(path, resumed->loss_log_bytes, resumed->loss_log_hash, calls);
}

}  // namespace

RunJournal::RunJournal(const Setting& setting, const CheckpointState* resumed, Logger& log)
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

DistillationLosses RunJournal::taught(const StepReport& report) const {
  return taught_losses(report.sums, report.counts);
}

double RunJournal::loss(const StepReport& report, const PretrainingScores& scores) const {
  return setting_.distill.taught() ? taught(report).total(setting_.distill) : scores.loss();
}

void RunJournal::step_done(const StepReport& report) {
  const PretrainingScores scores = scores_of(report.sums, report.counts);
  loss_log_.append({report.state.step,
                    setting_.distill.taught() ? loss(report, scores) : scores.mlm_loss,
                    scores.sentence_loss, report.counts.masked, report.counts.samples});
  if (report.phase != phase_) {
    phase_ = report.phase;
    time_left_.start_phase();
  }
  time_left_.observe(report.seconds);
  if (report.spiked) {
    console_.clear();
    log_.warning("step {}: the loss {:.3f} is a spike; all ranks leave this update out",
                 report.state.step, loss(report, scores));
    write_line(event("spike", report.state.step).add("loss", loss(report, scores)));
  } else if (!report.update.applied) {
    console_.clear();
    log_.warning("step {}: the gradient is not finite; all ranks skip this update",
                 report.state.step);
  }
  show(report, scores);
  const bool last = report.state.step == setting_.total_steps;
  if (report.state.step % setting_.log.every_steps != 0 && !last) return;
  if (metrics_) write_metrics(report, scores);
  if (events_) write_event_file(report, scores);
}

void RunJournal::show(const StepReport& report, const PretrainingScores& scores) {
  Progress progress;
  progress.run = setting_.run_name;
  progress.step = report.state.step;
  progress.total_steps = setting_.total_steps;
  progress.loss = loss(report, scores);
  progress.mlm_loss = scores.mlm_loss;
  progress.token_task = setting_.token_task;
  if (pairs()) {
    progress.sentence_loss = scores.sentence_loss;
    progress.sentence_task = name_of(setting_.next_sentence);
  }
  progress.accuracy = scores.mlm_accuracy;
  progress.learning_rate = report.learning_rate;
  progress.gradient_norm = report.update.gradient_norm;
  progress.tokens_per_second = static_cast<double>(report.tokens) / report.seconds;
  progress.data_fraction = report.data_seconds / report.seconds;
  progress.memory_gib = peak_memory_gib();
  progress.memory_total_gib = setting_.memory_total_gib;
  progress.seconds_left = time_left_.seconds(setting_.total_steps - report.state.step);
  console_.progress(progress);
}

void RunJournal::write_metrics(const StepReport& report, const PretrainingScores& scores) {
  const double samples_seen = static_cast<double>(report.state.data_position);
  const std::string_view task = name_of(setting_.next_sentence);
  MetricsRecord record("train", report.state.step);
  record.add("tokens", report.state.tokens)
      .add("epoch", samples_seen / static_cast<double>(setting_.samples))
      .add("loss", loss(report, scores))
      .add(fmt::format("loss_{}", setting_.token_task), scores.mlm_loss);
  if (setting_.distill.taught()) {
    const DistillationLosses terms = taught(report);
    record.add("loss_soft", terms.soft)
        .add("loss_cosine", terms.cosine)
        .add("loss_hidden", terms.hidden)
        .add("loss_attention", terms.attention);
  }
  if (pairs()) record.add(fmt::format("loss_{}", task), scores.sentence_loss);
  record.add(fmt::format("acc_{}", setting_.token_task), scores.mlm_accuracy);
  if (pairs()) record.add(fmt::format("acc_{}", task), scores.sentence_accuracy);
  record.add("lr", report.learning_rate)
      .add("grad_norm", report.update.gradient_norm)
      .add("tok_per_s", static_cast<double>(report.tokens) / report.seconds)
      .add("seq_per_s", static_cast<double>(report.counts.samples) / report.seconds)
      .add("step_ms", report.seconds * 1e3)
      .add("data_ms", report.data_seconds * 1e3)
      .add("comm_exposed_ms", report.comm_seconds * 1e3)
      .add("ckpt_ms", saving_seconds_ * 1e3)
      .add("mem_gib", peak_memory_gib())
      .add("skipped", std::int64_t{report.update.applied ? 0 : 1});
  write_line(record);
  saving_seconds_ = 0;
}

void RunJournal::write_event_file(const StepReport& report, const PretrainingScores& scores) {
  std::vector<Scalar> scalars{
      {"train/loss", loss(report, scores)},
      {fmt::format("train/loss_{}", setting_.token_task), scores.mlm_loss},
      {fmt::format("train/accuracy_{}", setting_.token_task), scores.mlm_accuracy},
      {"train/learning_rate", report.learning_rate},
      {"train/gradient_norm", report.update.gradient_norm},
      {"speed/tokens_per_second", static_cast<double>(report.tokens) / report.seconds}};
  if (pairs()) {
    const std::string_view task = name_of(setting_.next_sentence);
    scalars.push_back({fmt::format("train/loss_{}", task), scores.sentence_loss});
    scalars.push_back({fmt::format("train/accuracy_{}", task), scores.sentence_accuracy});
  }
  if (setting_.distill.taught()) {
    const DistillationLosses terms = taught(report);
    scalars.push_back({"train/loss_soft", terms.soft});
    scalars.push_back({"train/loss_cosine", terms.cosine});
    scalars.push_back({"train/loss_hidden", terms.hidden});
    scalars.push_back({"train/loss_attention", terms.attention});
  }
  if (events_) events_->write_or_end(report.state.step, scalars, log_);
}

void RunJournal::evaluated(const TrainState& state, const PretrainingEvaluation& evaluation,
                           const Baselines& baselines, double seconds) {
  const PretrainingScores& scores = evaluation.scores;
  std::map<std::string, double> figures{
      {fmt::format("{}_loss", setting_.token_task), scores.mlm_loss},
      {fmt::format("{}_accuracy", setting_.token_task), scores.mlm_accuracy},
      {"unigram_cross_entropy", baselines.unigram_cross_entropy},
      {"most_frequent_accuracy", baselines.most_frequent_accuracy}};
  std::string sentences, bigram;
  if (baselines.bigram_cross_entropy) {
    figures.insert({"bigram_cross_entropy", *baselines.bigram_cross_entropy});
    bigram = fmt::format(", bigram {:.3f}", *baselines.bigram_cross_entropy);
  }
  if (pairs()) {
    const std::string_view task = name_of(setting_.next_sentence);
    figures.insert({{fmt::format("{}_loss", task), scores.sentence_loss},
                    {fmt::format("{}_accuracy", task), scores.sentence_accuracy},
                    {fmt::format("{}_majority", task), baselines.sentence_majority}});
    sentences = fmt::format(", {} {:.3f}, accuracy {:.1f}% (majority {:.1f}%)",
                            setting_.next_sentence == NextSentence::sop ? "SOP" : "NSP",
                            scores.sentence_loss, 100 * scores.sentence_accuracy,
                            100 * baselines.sentence_majority);
  }
  console_.clear();
  log_.info(
      "step {}: held-out {} {:.3f} nats (unigram {:.3f}{}), accuracy {:.1f}% (most frequent token "
      "{:.1f}%){}",
      state.step, token_task_title(setting_.token_task), scores.mlm_loss,
      baselines.unigram_cross_entropy, bigram, 100 * scores.mlm_accuracy,
      100 * baselines.most_frequent_accuracy, sentences);
  MetricsRecord record("eval", state.step);
  std::vector<Scalar> scalars;
  for (const auto& [name, value] : figures) {
    record.add(name, value);
    scalars.push_back({"held_out/" + name, value});
    summary_["held_out_" + name] = value;
  }
  record.add("masked", evaluation.counts.masked).add("samples", evaluation.counts.samples);
  record.add("eval_ms", seconds * 1e3);
  write_line(record);
  if (events_) events_->write_or_end(state.step, scalars, log_);
  summary_["step"] = static_cast<double>(state.step);
  summary_["tokens"] = static_cast<double>(state.tokens);
  summary_["seconds"] = state.seconds;
}

void RunJournal::write_line(const MetricsRecord& record) {
  if (metrics_) metrics_->write_or_lose(record, log_);
}

MetricsRecord RunJournal::event(std::string_view what, std::int64_t step) const {
  MetricsRecord record("event", step);
  record.add("event", what);
  return record;
}

void RunJournal::write_event(const MetricsRecord& record) {
  console_.clear();
  write_line(record);
}

void RunJournal::saved(std::int64_t step, const std::filesystem::path& path, double seconds,
                       double stalled) {
  saving_seconds_ += stalled;
  console_.clear();
  log_.info("step {}: saved {} in {:.1f} s", step, path.string(), seconds);
  MetricsRecord record("checkpoint", step);
  write_line(record.add("path", path.filename().string())
                 .add("ckpt_ms", seconds * 1e3)
                 .add("stall_ms", stalled * 1e3));
}

void RunJournal::finish() {
  console_.finish();
}

void RunJournal::sync() {
  loss_log_.sync();
  if (metrics_) metrics_->sync();
}

}  // namespace bertyard
