// SPDX-License-Identifier: Apache-2.0
#include "launch/run/dry_run.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/run/process_memory.h"
#include "launch/run/training_banner.h"
#include "train/journal/console.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

// Lets the trainer take one step and keeps its report.
class OneStep final : public TrainerHooks {
 public:
  void step_done(const StepReport& report) override { report_ = report; }
  void evaluate(const TrainState&) override {}
  void save(const TrainState&) override {}
  StopRequest stop_requested() override { return StopRequest::requeue; }

  const std::optional<StepReport>& report() const { return report_; }

 private:
  std::optional<StepReport> report_;
};

// On every rank, for all have the same report.
void require_finite(const StepReport& report) {
  if (report.update.applied) return;
  throw DivergedError(
      fmt::format("dry run: the gradient of step {} is not finite; lower optim.lr or "
                  "model.init_range, or look at what model.from holds",
                  report.state.step));
}

void print_report(const RunParts& parts, const StepReport& report, DryData data) {
  const PretrainingSetup& setup = parts.setup;
  const PretrainingScores scores = scores_of(report.sums, report.counts);
  const std::string sentences =
      has_sentence_pairs(setup.next_sentence())
          ? fmt::format(", {} {:.3f}", setup.next_sentence() == NextSentence::sop ? "SOP" : "NSP",
                        scores.sentence_loss)
          : std::string();
  const double left =
      report.seconds * static_cast<double>(setup.plan.total_steps() - report.state.step + 1);
  fmt::print("data        {}\n", data == DryData::real
                                     ? setup.train->properties().path
                                     : "mock data, for " + setup.config.data.train +
                                           " is not there yet; 'bertyard prepare' makes it");
  fmt::print("step {}      {} {:.3f} nats{}, gradient norm {:.3g}; {} samples, {} tokens\n",
             grouped(report.state.step), token_task_title(token_task(setup.model)), scores.mlm_loss,
             sentences, report.update.gradient_norm, grouped(report.counts.samples),
             grouped(report.tokens));
  fmt::print(
      "time        {:.3f} s for this step ({} tokens/s), with all that a first step warms "
      "up; {} steps are left: at most {}\n",
      report.seconds, shortened(static_cast<double>(report.tokens) / report.seconds),
      grouped(setup.plan.total_steps() - report.state.step + 1), duration_text(left));
}

// A run that is not there yet would get an id that no checkpoint has.
std::string id_of(const RunDirectory& directory) {
  return directory.id().empty() ? "(a new one)" : directory.id();
}

}  // namespace

void run_dry(const RunParts& parts, DryData data) {
  std::optional<RunDirectory> directory;
  const RunConfig& config = parts.loaded.config;
  if (parts.leads()) {
    directory.emplace(RunDirectory::examine(config.run, config.checkpoint.resume, parts.log));
  }
  RunCheckpoints checkpoints = allocate_run(parts, directory ? id_of(*directory) : std::string());
  TrainState state;
  restore_run(parts, directory ? &*directory : nullptr, checkpoints, state);
  if (parts.leads()) {
    for (const std::string& line :
         training_banner(parts.setup, parts.devices, directory->path(), state.step)) {
      parts.log.info("{}", line);
    }
  }
  OneStep step;
  train_run(parts, step, state);
  parts.setup.device_ranks.disconnect();
  if (step.report()) require_finite(*step.report());
  if (!parts.leads()) return;
  if (step.report()) {
    print_report(parts, *step.report(), data);
  } else {
    fmt::print("step        none: the run is at its end, step {}\n", grouped(state.step));
  }
  fmt::print("memory      {}\nprocess     {}; this one took {:.1f} MiB, without a checkpoint\n",
             memory_text(parts.setup.memory_use()), process_memory_text(parts.setup),
             static_cast<double>(peak_resident_bytes()) / (1u << 20));
  fmt::print("ok: a dry run; nothing was written\n");
}

}  // namespace bertyard
