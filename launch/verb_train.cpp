// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_train.h"

#include <fmt/format.h>

#include "core/base/hash.h"
#include "launch/build_info.h"
#include "launch/failure.h"
#include "launch/pretraining_run.h"
#include "launch/rank_log.h"
#include "launch/sample_cache.h"
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

}  // namespace

int run_train(const TrainVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"tokenizer.vocab", "data.train"}, "train");
  const ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger(loaded.config.log, group.rank(), environment.host());
  // The whole of it: ranks that differ in a bucket or an interval would wait for each other.
  check_same_everywhere(*group.control,
                        {{"configuration", hash_text(xxh3(resolved_yaml(loaded.config)))},
                         {"program", build_identity(), ItemOrigin::environment}});

  RunConfig config = loaded.config;
  use_sample_caches(config.data, Vocabulary::load(config.tokenizer.vocab), *group.control, log);
  PretrainingSetup setup(config, group.local_size);
  check_same_everywhere(
      *group.control,
      {{"vocabulary", hash_text(setup.vocabulary.hash())},
       {"training samples", std::to_string(setup.train->size())},
       {"threads", std::to_string(setup.device->info().threads), ItemOrigin::environment},
       {"instruction set", setup.device->info().instruction_set, ItemOrigin::environment}});
  log.info("bertyard {} ({})", version_text(), git_revision());
  PretrainingRun run({.loaded = loaded,
                      .setup = setup,
                      .communicator = *group.communicator,
                      .control = *group.control,
                      .log = log,
                      .command = options.command});
  try {
    return exit_code_of(run.run());
  } catch (const std::exception& error) {
    // Before the stack unwinds: a sum over the ranks may still be at work on the gradients.
    if (environment.size() > 1) report_failure(&environment, error);
    throw;
  }
}

}  // namespace bertyard
