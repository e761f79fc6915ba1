// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_distill.h"

#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "launch/run/rank_log.h"
#include "launch/tasks/distillation_report.h"
#include "launch/verbs/verb_finetune.h"

namespace bertyard {
namespace {

int train_student(const TrainVerbOptions& options, bool on_a_task, MpiEnvironment& environment) {
  if (!on_a_task) return run_train(options, environment);
  if (options.form == TrainForm::dry) {
    throw UsageError("distill --dry-run: it is for pre-training; set task.kind to none");
  }
  return run_finetune({options.request, options.command}, environment);
}

}  // namespace

int run_distill(const TrainVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  const RunConfig& config = loaded.config;
  const bool on_a_task = config.task.kind != TaskKind::none;
  require_keys(loaded, {"distill.teacher"}, "distill");
  const int code = train_student(options, on_a_task, environment);
  const bool nothing_held_out = !on_a_task && config.data.valid.empty();
  const bool trained = on_a_task ? is_finetuned(code) : code == static_cast<int>(ExitCode::ok);
  if (!trained || options.form == TrainForm::dry || nothing_held_out) return code;

  const ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger(config.log, group.rank(), environment.host());
  const DistillationReport report =
      on_a_task ? compare_finetuned(config, group, log) : compare_pretrained(config, group, log);
  if (group.rank() != 0) return code;
  fmt::print("{}", report_text(report));
  const std::filesystem::path run = std::filesystem::path(config.run.directory) / config.run.name;
  write_file_atomically(run / "distillation.json", report_json(report));
  return code;
}

}  // namespace bertyard
