// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_train.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "launch/run/dry_run.h"
#include "launch/run/failure.h"
#include "launch/run/gpu_choice.h"
#include "launch/run/pretraining_run.h"
#include "launch/run/rank_log.h"
#include "launch/run/rank_table.h"
#include "launch/run/sample_cache.h"
#include "launch/run/thread_binding.h"
#include "launch/verbs/build_info.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

int exit_code_of(TrainEnd end) {
  switch (end) {
    case TrainEnd::finished:
      return static_cast<int>(ExitCode::ok);
    case TrainEnd::requeue:
      return static_cast<int>(ExitCode::requeue);
    case TrainEnd::terminated:
      return static_cast<int>(ExitCode::terminated);
  }
  return static_cast<int>(ExitCode::other);
}

// Only a dry run may do without shards.
DryData data_of(const TrainVerbOptions& options, const RunConfig& config) {
  const bool mock = options.form == TrainForm::dry && !std::filesystem::exists(config.data.train);
  return mock ? DryData::mock : DryData::real;
}

// Every sample of full length, so that a step takes all the memory that it may.
RunData mock_data(const RunConfig& config) {
  constexpr std::uint64_t kSamples = 100000;  // more than any step takes
  return make_synthetic_data(config, {.samples = kSamples,
                                      .max_length = config.samples.max_length,
                                      .next_sentence = config.samples.next_sentence});
}

// Before the data are opened: the whole configuration, for ranks that differ in a bucket or an
// interval would wait for each other.
void check_starts(ControlPlane& control, const RunConfig& config, DryData data) {
  check_same_everywhere(control, {{"configuration", hash_text(xxh3(resolved_yaml(config)))},
                                  {"data", data == DryData::mock ? "mock" : "real"},
                                  {"program", build_identity(), ItemOrigin::environment}});
}

void check_setups(ControlPlane& control, const PretrainingSetup& setup) {
  check_same_everywhere(control, {{"vocabulary", hash_text(setup.vocabulary.hash())},
                                  {"training samples", std::to_string(setup.train->size())}});
  check_same_devices(control, setup.device->info(), setup.config.parallel.reduction);
}

int run(const RunParts& parts, TrainForm form, DryData data) {
  if (form == TrainForm::real) return exit_code_of(PretrainingRun(parts).run());
  run_dry(parts, data);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

// A configuration with mistakes is reported by run_train, once for all ranks.
StartOptions training_start(const ConfigRequest& request) {
  StartOptions start;
  try {
    const RunConfig config = load_config(request).config;
    start.seconds = config.launch.start_timeout;
    if (std::filesystem::is_directory(config.run.directory)) {
      start.shared_directory = config.run.directory;
    }
  } catch (const std::exception&) {
  }
  return start;
}

int run_train(const TrainVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"tokenizer.vocab", "data.train"}, "train");
  if (!options.profile.empty() && options.form == TrainForm::dry) {
    throw UsageError("train: --profile looks at steps, and --dry-run makes one; leave one out");
  }
  ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger(loaded.config.log, group.rank(), environment.host());
  const DryData data = data_of(options, loaded.config);
  check_starts(*group.control, loaded.config, data);
  RunConfig config = loaded.config;
  if (options.form == TrainForm::real) {  // a dry run writes nothing
    use_sample_caches(config.data, Vocabulary::load(config.tokenizer.vocab), *group.control, log);
  }
  PretrainingSetup setup(
      config, data == DryData::mock ? mock_data(config) : open_run_data(config),
      {group.rank(), group.communicator->size(), group.local_size, choose_gpu(config, group)});
  check_setups(*group.control, setup);
  setup.threads_placed = bind_threads(config.parallel.bind, setup.device->info(), *group.control);
  log.info("bertyard {} ({})", version_text(), git_revision());
  const std::string table = gather_rank_table(group, setup.device->info().name);
  if (group.size() > 1) log.info("ranks {}", ranks_on_hosts(group.hosts));
  TrainProfile profile(options.profile, group, *setup.device, setup.plan.total_steps());
  try {
    return run({.loaded = loaded,
                .setup = setup,
                .communicator = *group.communicator,
                .devices = profile.watched(setup.device_ranks.joined(*group.communicator)),
                .control = *group.control,
                .log = log,
                .command = options.command,
                .hosts = group.hosts,
                .rank_table = table,
                .end_job = [&environment](int code) { environment.end_job(code); },
                .profile = profile},
               options.form, data);
  } catch (const std::exception& error) {
    // Before the stack unwinds: a sum over the ranks may still be at work on the gradients.
    if (environment.size() > 1) report_failure(&environment, error);
    throw;
  }
}

}  // namespace bertyard
