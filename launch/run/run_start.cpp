// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_start.h"

#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "launch/run/injected_faults.h"
#include "launch/run/kernel_choices.h"
#include "launch/run/resume_choice.h"
#include "launch/run/start_model.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// The configuration's identity and the data's: paths may change, what lies behind them may not.
std::map<std::string, std::string> settings_of(const RunConfig& config,
                                               const PretrainingSetup& setup) {
  std::map<std::string, std::string> settings = run_identity(config);
  settings["vocabulary hash"] = hash_text(setup.vocabulary.hash());
  settings["training samples"] = std::to_string(setup.train->size());
  settings["training text hash"] = hash_text(setup.train->properties().identity);
  settings["training tokens"] = std::to_string(setup.train->properties().tokens);
  return settings;
}

RunCheckpoints::Setting checkpoint_setting(const RunParts& parts, const std::string& run_id) {
  const RunConfig& config = parts.loaded.config;
  RunCheckpoints::Setting setting;
  setting.model = parts.setup.model;
  setting.vocabulary = parts.setup.vocabulary.text();
  setting.tokenizer = config.tokenizer.options;
  setting.options = config.checkpoint;
  setting.options.keep_due = config.watch.spike.rule == SpikeRule::rollback;
  setting.identity.run_id = run_id;
  setting.identity.resolved_config = resolved_yaml(config);
  setting.identity.settings = settings_of(config, parts.setup);
  setting.identity.environment = environment_of(parts);
  return setting;
}

std::optional<SavedModel> model_to_start_from(const RunParts& parts) {
  const PretrainingSetup& setup = parts.setup;
  if (setup.config.model.from.empty()) return std::nullopt;
  SavedModel start = open_start_model(setup.config, setup.model, setup.vocabulary, parts.log);
  // A run that is still training may have saved another checkpoint meanwhile.
  check_same_everywhere(parts.control, {{"weights of model.from", weights_file_hash(start.path)}});
  return start;
}

void tell_of(const SavedModel& start, const ImportReport& report, Logger& log) {
  log.info("weights of {} ({})", start.path, start.kind);
  if (!report.kept.empty()) {
    log.info("drawn, for it has none: {}", fmt::join(report.kept, ", "));
  }
  if (report.padded_rows > 0) {
    log.info("{} rows that pad its vocabulary are left out", report.padded_rows);
  }
}

// Its weights are in the checkpoint: another name would stand in the run's record without effect.
void refuse_another_start(const CheckpointState& state, const RunConfig& config) {
  const auto plain = [](const std::string& path) {
    return (fs::path(path) / "").lexically_normal();
  };
  const RunConfig before = parse_config("checkpoint", state.resolved_config).config;
  if (plain(before.model.from) == plain(config.model.from)) return;
  throw UsageError(fmt::format(
      "model.from: this run began with '{}' and goes on from its own checkpoint of step {}, not "
      "from '{}'; go back to that, or give the run another run.name",
      before.model.from, state.step, config.model.from));
}

}  // namespace

std::map<std::string, std::string> environment_of(const RunParts& parts) {
  return computing_environment(parts.setup.device->info(), parts.setup.kernel_choices,
                               parts.setup.config.parallel, parts.hosts);
}

RunCheckpoints allocate_run(const RunParts& parts, const std::string& run_id) {
  parts.setup.memory.allocate(*parts.setup.device);
  parts.setup.connect(parts.devices);
  const std::optional<std::uint64_t> teacher = load_teacher(parts.setup);
  parts.setup.kernel_choices = share_kernel_choices(kernel_choices_file(parts.loaded.config.run),
                                                    parts.control, *parts.setup.device, parts.log,
                                                    [&parts] { meet_products(parts.setup); });
  RunCheckpoints::Setting setting = checkpoint_setting(parts, run_id);
  if (teacher) {
    setting.identity.settings["teacher weights hash"] = hash_text(*teacher);
  }
  return RunCheckpoints(setting, *parts.setup.device, parts.setup.objective.parameters(),
                        parts.setup.optimizer);
}

std::optional<CheckpointState> restore_run(const RunParts& parts, const RunDirectory* directory,
                                           RunCheckpoints& checkpoints, TrainState& state) {
  const std::optional<Checkpoint> checkpoint =
      agree_on_checkpoint({parts.control, parts.log}, parts.loaded.config.checkpoint, directory);
  if (!checkpoint) {
    const std::optional<SavedModel> start = model_to_start_from(parts);
    const ImportReport report = initialize_weights(parts.setup, start);
    if (start) tell_of(*start, report, parts.log);
    return std::nullopt;
  }
  refuse_another_start(checkpoint->state(), parts.loaded.config);
  const RunCheckpoints::Restored restored = checkpoints.restore(*checkpoint);
  state = restored.state;
  if (restored.environment_differences.empty()) return checkpoint->state();
  if (parts.loaded.config.parallel.reduction == Reduction::ordered) {
    throw DataError(fmt::format(
        "{}: ordered reduction promises the same bits, but the environment is another one ({}); "
        "go back to it, or set parallel.reduction to fast and accept differences of rounding",
        checkpoint->path().string(), fmt::join(restored.environment_differences, "; ")));
  }
  if (parts.leads()) {
    parts.log.warning(
        "the run goes on in another environment ({}); its numbers will differ from an "
        "uninterrupted run's by rounding",
        fmt::join(restored.environment_differences, "; "));
  }
  return checkpoint->state();
}

TrainEnd train_run(const RunParts& parts, TrainerHooks& hooks, const TrainState& state) {
  PretrainingSetup& setup = parts.setup;
  const RunConfig& config = setup.config;
  const auto open_stream = [&](const PlannedPhase& phase, std::uint64_t index) {
    const BatchStreamOptions options =
        setup.stream_options(phase, index, parts.communicator.rank(), parts.communicator.size());
    return std::make_unique<BatchStream>(*setup.train, setup.masker_for(*setup.train), options);
  };
  const auto reduction = setup.make_reduction(parts.devices);
  setup.objective.report_spans(parts.profile.spans());
  // A graph has no layers that a trace could see.
  const std::unique_ptr<Objective> captured =
      parts.profile.traces() ? nullptr
                             : setup.device_ranks.captured(setup.objective, setup.ranks());
  Objective& plain = captured ? *captured : static_cast<Objective&>(setup.objective);
  std::unique_ptr<Objective> faulty;
  if (const auto fault = fault_of(parts.communicator.rank()); fault && parts.pulse != nullptr) {
    faulty = with_fault(plain, *setup.device, *parts.pulse, *fault);
  }
  Objective& objective = faulty ? *faulty : plain;
  Trainer trainer({*setup.device, parts.communicator, *reduction, objective, setup.optimizer,
                   setup.batch, hooks, parts.pulse, parts.profile.spans()},
                  setup.plan,
                  {.schedule = setup.schedule(),
                   .checkpoint_every = config.checkpoint.every,
                   .evaluate_every = config.eval.every,
                   .watch = config.watch},
                  open_stream);
  return trainer.run(state);
}

}  // namespace bertyard
