// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_check.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/masking.h"
#include "launch/config/backend_choice.h"
#include "launch/config/config_scalar.h"
#include "launch/doctor/gpu_card.h"
#include "launch/run/gpu_memory.h"
#include "launch/run/pretraining_setup.h"
#include "launch/run/process_memory.h"
#include "launch/run/rank_log.h"
#include "launch/run/resume_choice.h"
#include "launch/run/start_model.h"
#include "launch/run/training_banner.h"
#include "train/journal/console.h"
#include "train/journal/run_directory.h"
#include "train/step_flops.h"

namespace bertyard {
namespace {

StepBatches first_step(const PretrainingSetup& setup, const PlannedPhase& phase, int ranks) {
  BatchStreamOptions options = setup.stream_options(phase, phase.first_index, 0, ranks);
  options.prefetch = 1;
  BatchStream stream(*setup.train, setup.masker_for(*setup.train), options);
  return *stream.next();
}

void print_phase(const PretrainingSetup& setup, std::size_t index, int ranks) {
  const PlannedPhase& phase = setup.plan.phases()[index];
  const StepBatches step = first_step(setup, phase, ranks);
  const auto tokens = static_cast<double>(step.tokens);
  const StepWork work{.tokens = tokens,
                      .masked = static_cast<double>(step.masked),
                      .keys_per_token = tokens / static_cast<double>(step.samples)};
  const double filled =
      tokens / static_cast<double>(step.total_micro_batches *
                                   static_cast<std::size_t>(phase.capacities.tokens));
  fmt::print(
      "phase {}     steps {} to {}: {} samples of at most {} tokens a step; its first has {} "
      "tokens in {} micro-batches ({:.1f}% full), {:.1f} TFLOP\n",
      index, grouped(phase.first_step + 1), grouped(phase.end_step), phase.global_batch,
      phase.max_length, grouped(step.tokens), step.total_micro_batches, 100 * filled,
      step_flops(setup.model, work) * 1e-12);
}

// As if the file said so.
ConfigRequest request_of(const CheckVerbOptions& options) {
  ConfigRequest request = options.request;
  request.use = ConfigUse::elsewhere;
  if (options.gpu.empty()) return request;
  const std::string place = "--gpu " + options.gpu;
  request.overrides.push_back({"parallel.backend=cuda", 0, place});
  request.overrides.push_back(
      {"cluster.device_memory=" + write_bytes(gpu_card_memory(options.gpu)), 0, place});
  return request;
}

}  // namespace

int run_check(const CheckVerbOptions& options) {
  const LoadedConfig loaded = load_config(request_of(options));
  require_keys(loaded, {"tokenizer.vocab", "data.train"}, "check");
  const RunConfig& config = loaded.config;
  RunDirectory::require_writable(config.run);
  const bool on_card = !options.gpu.empty() && !config.distill.taught();
  PretrainingSetup setup(
      config, open_run_data(config),
      {.ranks = options.ranks,
       .planned_gpu = on_card ? config.cluster.device_memory : planned_gpu(config)});
  const auto shards = [](const char* name, const SampleSource& source) {
    const SourceProperties& properties = source.properties();
    fmt::print("{:<11} {}: {} samples, {} tokens, longest {} ({})\n", name, properties.path,
               grouped(static_cast<std::int64_t>(properties.samples)),
               grouped(static_cast<std::int64_t>(properties.tokens)), properties.max_length,
               properties.layout);
    for (const std::string& warning : properties.warnings) fmt::print("warning     {}\n", warning);
  };
  fmt::print("vocabulary  {}: {} entries\n", config.tokenizer.vocab, setup.vocabulary.size());
  shards("train", *setup.train);
  if (setup.valid) shards("held out", *setup.valid);
  fmt::print("model       {} parameters{}\n", grouped(setup.model.parameter_count()),
             reading_text(setup.model));
  if (!config.model.from.empty() &&
      !has_begun(config.run)) {  // else the run goes on from its own checkpoint
    Logger log = rank_logger(config.log, 0, "");
    const SavedModel start = open_start_model(config, setup.model, setup.vocabulary, log);
    fmt::print("start       {} ({})\n", start.path, start.kind);
  }
  for (std::size_t i = 0; i < setup.plan.phases().size(); ++i) print_phase(setup, i, options.ranks);
  const std::string limit = mask_limit_note(config.samples.max_length, config.samples.mask);
  if (!limit.empty() && !setup.model.is_language_model()) fmt::print("note        {}\n", limit);
  fmt::print("memory      {}\n", memory_text(setup.memory_use()));
  fmt::print("process     {}\n", process_memory_text(setup));
  fmt::print("host        {}\n", host_room_text(setup));
  const DeviceInfo device = setup.device->info();
  if (device.kind == DeviceKind::cuda) {
    fmt::print("gpu         {}\n", gpu_memory_text(gpu_memory(setup), device.memory_bytes));
    require_gpu_memory(setup);
  }
  fmt::print("ok: {} steps on {} rank{}\n", grouped(setup.plan.total_steps()), options.ranks,
             options.ranks == 1 ? "" : "s");
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
