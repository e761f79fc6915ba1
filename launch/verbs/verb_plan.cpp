// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "launch/config/backend_choice.h"
#include "launch/plan/plan_cluster.h"
#include "launch/plan/plan_report.h"
#include "launch/plot/plot_svg.h"
#include "launch/run/pretraining_setup.h"

namespace bertyard {
namespace {

void check_options(const PlanVerbOptions& options) {
  if (!(options.fill > 0 && options.fill <= 1)) {
    throw UsageError(
        fmt::format("plan: --fill is {}, expected above 0 and at most 1", options.fill));
  }
}

// Samples of the fill asked for; nobody reads them, their lengths alone are looked at.
RunData planned_data(const RunConfig& config, double fill) {
  const auto longest =
      std::max_element(config.schedule.begin(), config.schedule.end(),
                       [](const Phase& a, const Phase& b) { return a.max_length < b.max_length; });
  return make_synthetic_data(config, {.samples = 100000,
                                      .max_length = longest->max_length,
                                      .fill = fill,
                                      .seed = config.run.seed,
                                      .next_sentence = config.samples.next_sentence});
}

ScalingJob job_of(const PretrainingSetup& setup, const PlannedPhase& phase,
                  const RunPlan::DataFacts& facts) {
  const MaskOptions& mask = setup.config.samples.mask;
  double tokens = 0, squares = 0, masked = 0;
  for (const std::int64_t whole : facts.lengths) {
    const auto length = static_cast<double>(std::min<std::int64_t>(whole, phase.max_length));
    tokens += length;
    squares += length * length;
    masked +=
        setup.model.is_causal()
            ? length - 1
            : std::min<double>(std::max(1.0, std::round(length * mask.rate)), mask.max_predictions);
  }
  const auto samples = static_cast<double>(facts.lengths.size());
  ScalingJob job;
  job.model = setup.model;
  job.global_batch = phase.global_batch;
  job.tokens = tokens / samples;
  job.masked = masked / samples;
  job.keys_per_token = squares / tokens;
  job.activation_bytes = static_cast<double>(size_of(setup.capacities.activations));
  job.gradient_bytes = setup.config.parallel.exchange == Precision::bf16 ? 2 : sizeof(float);
  job.optimizer_bytes = update_bytes(setup.config.optim.optimizer.kind);
  job.bucket_bytes = static_cast<double>(setup.config.parallel.bucket_bytes);
  job.shard_optimizer = setup.config.parallel.shard_optimizer;
  job.recompute = setup.config.parallel.recompute;
  return job;
}

// Empty, or why the run does not go on so many devices.
std::string obstacle(const RunConfig& config, const PretrainingSetup& one, int devices) {
  const ParallelOptions& parallel = config.parallel;
  if (parallel.reduction == Reduction::ordered && devices > parallel.leaves) {
    return fmt::format("parallel.leaves is {}", parallel.leaves);
  }
  for (const PlannedPhase& phase : one.plan.phases()) {
    if (devices > phase.global_batch) {
      return fmt::format("a step has {} samples", phase.global_batch);
    }
    const std::int64_t given = parallel.micro_batch.tokens;
    const std::int64_t whole = phase.global_batch * phase.max_length;
    if (given > 0 && (whole + given - 1) / given < devices) {
      return fmt::format("parallel.micro_batch.tokens {} makes {} micro-batches of a step", given,
                         (whole + given - 1) / given);
    }
  }
  return {};
}

// The program's choice, or less where that leaves a device without work.
std::int64_t capacity_for(const PlannedPhase& phase, int devices) {
  const std::int64_t share = phase.global_batch * phase.max_length / devices;
  return std::max<std::int64_t>(phase.max_length, std::min(phase.capacities.tokens, share));
}

double memory_of(const RunConfig& config, double fill, int devices, std::int64_t tokens) {
  RunConfig row = config;
  row.parallel.micro_batch.tokens = tokens;
  const PretrainingSetup setup(row, planned_data(row, fill),
                               {.ranks = devices, .planned_gpu = planned_gpu(row)});
  return static_cast<double>(setup.memory_use().total());
}

PlanRow plan_row(const PretrainingSetup& one, const std::vector<ScalingJob>& jobs,
                 const MeasuredCluster& measured, int devices) {
  PlanRow row;
  row.devices = devices;
  const auto& phases = one.plan.phases();
  for (std::size_t i = 0; i < phases.size(); ++i) {
    ScalingJob job = jobs[i];
    const std::int64_t capacity = capacity_for(phases[i], devices);
    job.micro_batch_tokens = static_cast<double>(capacity);
    job.data_seconds = measured.data_seconds;
    row.phases.push_back({predict_step(job, measured.cluster, devices), capacity});
    row.seconds += row.phases.back().point.step() *
                   static_cast<double>(phases[i].end_step - phases[i].first_step);
  }
  return row;
}

PlanReport make_report(const PlanVerbOptions& options, const RunConfig& config) {
  if (config.model.architecture.is_elmo()) {
    throw UsageError(
        "plan: model.type: elmo computes on CPUs, token after token; what is predicted here are "
        "transformers. Measure it: bertyard bench");
  }
  if (config.distill.taught()) {
    throw UsageError(
        "plan: a teacher's forward pass is not predicted; add distill.teacher=null for the student "
        "alone");
  }
  const std::vector<MeasuredCluster> measured = measured_clusters(config.cluster, options.measured);
  const PretrainingSetup one(config, planned_data(config, options.fill),
                             {.planned_gpu = planned_gpu(config)});
  const RunPlan::DataFacts facts = data_facts(*one.train);
  PlanReport report;
  report.cluster = measured.front().cluster;
  std::vector<ScalingJob> jobs;
  for (const PlannedPhase& phase : one.plan.phases()) {
    jobs.push_back(job_of(one, phase, facts));
    report.phases.push_back({phase.end_step - phase.first_step, phase.global_batch,
                             phase.max_length,
                             jobs.back().tokens * static_cast<double>(phase.global_batch)});
  }
  for (int devices = 1; devices <= options.most_devices; devices *= 2) {
    report.end = obstacle(config, one, devices);
    if (!report.end.empty()) break;
    report.rows.push_back(plan_row(one, jobs, rates_for(measured, devices), devices));
    std::int64_t most = 0;
    for (const PlannedStep& step : report.rows.back().phases) {
      most = std::max(most, step.micro_batch_tokens);
    }
    report.rows.back().memory_bytes = memory_of(config, options.fill, devices, most);
  }
  return report;
}

}  // namespace

int run_plan(const PlanVerbOptions& options) {
  check_options(options);
  ConfigRequest request = options.request;
  request.use = ConfigUse::elsewhere;
  const LoadedConfig loaded = load_config(request);
  const PlanReport report = make_report(options, loaded.config);
  if (!options.svg.empty()) {
    write_file_atomically(options.svg,
                          plot_svg(plan_plot(report, loaded.config.run.name + ": scaling")));
  }
  fmt::print("{}", options.form == OutputForm::json ? plan_json(report) : plan_text(report));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
