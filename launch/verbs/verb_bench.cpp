// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "launch/plan/bench_report.h"
#include "launch/plan/matrix_peak.h"
#include "launch/run/failure.h"
#include "launch/run/gpu_choice.h"
#include "launch/run/pretraining_setup.h"
#include "launch/run/process_memory.h"
#include "launch/run/thread_binding.h"
#include "launch/verbs/build_info.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

void check_options(const BenchVerbOptions& options, const LoadedConfig& loaded) {
  if (options.steps < 1 || options.warmup < 0) {
    throw UsageError(fmt::format("bench: --steps {} and --warmup {}, expected at least 1 and 0",
                                 options.steps, options.warmup));
  }
  if (options.reduction == BenchReduction::off &&
      loaded.config.parallel.reduction == Reduction::ordered) {
    throw UsageError("bench: --no-reduction leaves out a fast sum; set parallel.reduction to fast");
  }
  if (options.fill && options.data == BenchData::shards) {
    throw UsageError(
        "bench: --fill is for synthetic samples; shards have lengths of their own, "
        "give --fill or --shards");
  }
}

// The first phase alone, for as many steps as are measured.
RunConfig one_phase(const RunConfig& config, std::int64_t steps) {
  RunConfig one = config;
  one.schedule.resize(1);
  one.schedule.front().until = {static_cast<double>(steps), AmountUnit::steps};
  one.optim.warmup = {0, AmountUnit::steps};
  return one;
}

// As many samples as the steps take: none comes twice, and all lengths come.
RunData synthetic_data(const RunConfig& config, double fill) {
  const Phase& phase = config.schedule.front();
  return make_synthetic_data(config, {.samples = static_cast<std::uint64_t>(phase.until.value) *
                                                 static_cast<std::uint64_t>(phase.global_batch),
                                      .max_length = phase.max_length,
                                      .fill = fill,
                                      .seed = config.run.seed,
                                      .next_sentence = config.samples.next_sentence});
}

double keys_per_token(const PretrainingSetup& setup) {
  double squares = 0, sum = 0;
  const std::int64_t longest = setup.plan.phases().front().max_length;
  for (const std::int64_t whole : data_facts(*setup.train).lengths) {
    const auto length = static_cast<double>(std::min(whole, longest));
    squares += length * length;
    sum += length;
  }
  return squares / sum;
}

// One value of every rank, in their order.
std::vector<double> all_ranks(double value, Communicator& communicator) {
  std::vector<double> values(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(view_of(std::span<const double>(&value, 1)), view_of(std::span(values)))
      .wait();
  return values;
}

void check_ranks_agree(const ProcessGroup& group, const RunConfig& config,
                       const PretrainingSetup& setup, const BenchVerbOptions& options) {
  check_same_everywhere(
      *group.control,
      {{"configuration", hash_text(xxh3(resolved_yaml(config)))},
       {"vocabulary", hash_text(setup.vocabulary.hash())},
       {"options",
        fmt::format("{} {} {}", options.steps, options.warmup, options.fill.value_or(1))},
       {"program", build_identity(), ItemOrigin::environment},
       {"threads", std::to_string(setup.device->info().threads), ItemOrigin::environment}});
}

// Leaves every rank with its own gradients: what a step costs without their sum.
class NoReduction final : public GradientReduction {
 public:
  explicit NoReduction(const Communicator& communicator) : communicator_(communicator) {}
  int leaves() const override { return communicator_.size(); }
  LeafRange own_leaves() const override { return {communicator_.rank(), communicator_.rank() + 1}; }
  void gradients_ready_up_to(std::int64_t) override {}
  void leaf_done() override {}
  void finish() override {}

 private:
  const Communicator& communicator_;
};

std::unique_ptr<GradientReduction> make_reduction(PretrainingSetup& setup,
                                                  Communicator& communicator,
                                                  BenchReduction reduction) {
  if (reduction == BenchReduction::on)
    return setup.make_reduction(setup.device_ranks.joined(communicator));
  return std::make_unique<NoReduction>(communicator);
}

// Runs the trainer's own loop over the plan and records its steps.
std::vector<StepProfile::Step> train_and_record(PretrainingSetup& setup, Communicator& communicator,
                                                const BenchVerbOptions& options) {
  setup.memory.allocate(*setup.device);
  setup.connect(setup.device_ranks.joined(communicator));
  (void)initialize_weights(setup, std::nullopt);  // any take the same time
  const std::unique_ptr<Objective> captured =
      setup.device_ranks.captured(setup.objective, setup.ranks());
  TimedObjective objective(setup.objective, *setup.device, captured.get());
  StepProfile profile(objective, options.warmup);
  const auto open_stream = [&](const PlannedPhase& phase, std::uint64_t index) {
    return std::make_unique<BatchStream>(
        *setup.train, setup.masker_for(*setup.train),
        setup.stream_options(phase, index, communicator.rank(), communicator.size()));
  };
  const auto reduction = make_reduction(setup, communicator, options.reduction);
  Trainer trainer(
      {*setup.device, communicator, *reduction, objective, setup.optimizer, setup.batch, profile},
      setup.plan, {.schedule = setup.schedule(), .checkpoint_every = {}, .evaluate_every = {}},
      open_stream);
  trainer.run({});
  return profile.steps();
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Of all ranks at once, as they train.
MatrixPeak common_peak(PretrainingSetup& setup, Communicator& communicator) {
  communicator.barrier().wait();
  MatrixPeak peak = measure_matrix_peak(*setup.device, setup.capacities.activations);
  peak.flops = sum(all_ranks(peak.flops, communicator));
  return peak;
}

// By sums of all gradients, and of one number.
BenchLinks measure_links(PretrainingSetup& setup, Communicator& communicator) {
  if (communicator.size() == 1) return {};
  constexpr int kTimes = 5;
  Communicator& devices = setup.device_ranks.joined(communicator);
  const TensorView gradients = setup.objective.parameters().gradients();
  const auto seconds = [&](const TensorView& values) {
    std::vector<double> times;
    for (int i = 0; i < kTimes; ++i) {
      communicator.barrier().wait();
      const auto start = std::chrono::steady_clock::now();
      devices.all_reduce_sum(values).wait();
      setup.device->synchronize();
      times.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return median(times);
  };
  const double shortest = seconds(gradients.slice(0, 1)), whole = seconds(gradients);
  const auto ranks = static_cast<double>(communicator.size());
  return {shortest / (2 * (ranks - 1)),
          2 * (ranks - 1) / ranks * static_cast<double>(gradients.bytes()) / whole};
}

BenchReport measure(PretrainingSetup& setup, Communicator& communicator,
                    const BenchVerbOptions& options) {
  BenchReport report;
  report.model = setup.model;
  report.data = setup.train->properties().path;
  report.optimizer = name_of(setup.config.optim.optimizer.kind);
  report.shard_optimizer = setup.config.parallel.shard_optimizer;
  report.recompute = setup.config.parallel.recompute;
  report.connection = setup.device_ranks.joined(communicator).name();
  report.device = setup.device->info();
  report.ranks = communicator.size();
  report.batch = setup.plan.phases().front().global_batch;
  report.length = setup.plan.phases().front().max_length;
  report.keys_per_token = keys_per_token(setup);
  report.warmup = options.warmup;
  report.activations = setup.capacities.activations;
  report.threads_placed = setup.threads_placed;
  const MatrixPeak peak_before = common_peak(setup, communicator);
  report.planned_bytes = static_cast<double>(setup.memory_use().total());
  report.steps = train_and_record(setup, communicator, options);
  report.times = mean_over_ranks(report.steps, communicator);
  double micro_batches = 0;
  for (const StepProfile::Step& step : report.steps) {
    micro_batches += static_cast<double>(step.micro_batches);
  }
  report.micro_batches =
      sum(all_ranks(micro_batches, communicator)) / static_cast<double>(report.steps.size());
  const std::vector<double> resident =
      all_ranks(static_cast<double>(peak_resident_bytes()), communicator);
  report.resident_bytes = *std::max_element(resident.begin(), resident.end());
  report.links = measure_links(setup, communicator);
  report.peak = common_peak(setup, communicator);
  if (peak_before.flops > report.peak.flops) report.peak = peak_before;
  return report;
}

}  // namespace

int run_bench(const BenchVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  check_options(options, loaded);
  const bool shards = options.data == BenchData::shards;
  if (shards) require_keys(loaded, {"tokenizer.vocab", "data.train"}, "bench --shards");
  if (loaded.config.distill.taught()) {
    throw UsageError(
        "bench: it times the parts of a step without a teacher; add distill.teacher=null");
  }
  const RunConfig config = one_phase(loaded.config, options.warmup + options.steps);
  const ProcessGroup group = environment.make_process_group();
  PretrainingSetup setup(
      config, shards ? open_run_data(config) : synthetic_data(config, options.fill.value_or(1)),
      {group.rank(), group.communicator->size(), group.local_size, choose_gpu(config, group)});
  check_ranks_agree(group, config, setup, options);
  setup.threads_placed = bind_threads(config.parallel.bind, setup.device->info(), *group.control);
  try {
    const BenchReport report = measure(setup, *group.communicator, options);
    setup.device_ranks.disconnect();
    if (group.rank() != 0) return static_cast<int>(ExitCode::ok);
    fmt::print("{}", options.form == OutputForm::json ? bench_json(report) : bench_text(report));
    return static_cast<int>(ExitCode::ok);
  } catch (const std::exception& error) {
    // Before the stack unwinds: a sum over the ranks may still be at work on the gradients.
    if (environment.size() > 1) report_failure(&environment, error);
    throw;
  }
}

}  // namespace bertyard
