// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_predict.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "launch/run/cpu_threads.h"
#include "launch/run/rank_log.h"
#include "launch/tasks/finetune_checks.h"
#include "train/model_memory.h"
#include "train/tasks/submission.h"
#include "train/tasks/task_evaluation.h"

namespace bertyard {
namespace {

// A task's set as a stored model sees it.
TaskSet open_set(const PredictVerbOptions& options, const TaskModelFiles& files, Logger& log) {
  TaskOptions task = files.task;
  task.labels = files.head.labels;
  TaskExamples examples = read_task(options.data, task, LabelNeed::optional);
  const Tokenizer tokenizer(files.vocabulary, files.tokenizer);
  check_length(task, files.model);
  TaskSet set(std::move(examples),
              {task, files.head.labels, tokenizer, files.vocabulary, task.max_length});
  for (const auto* rows : {&set.examples().bad_rows, &set.examples().odd_labels}) {
    for (const BadRow& row : *rows) log.warning("{}: {}", row.place, row.reason);
  }
  return set;
}

MicroBatchCapacities capacities_for(const TaskSet& set) {
  MicroBatchCapacities capacities;
  capacities.tokens = std::max<std::int64_t>(2048, set.properties().max_length);
  capacities.sequences = 128;
  capacities.masked = capacities.tokens;
  return capacities;
}

void print_scores(const PredictVerbOptions& options, const TaskModelFiles& files,
                  const TaskSet& set, const TaskScores& scores, double loss) {
  if (options.form == OutputForm::json) {
    nlohmann::ordered_json json;
    for (const auto& [name, value] : scores.figures) json[name] = value;
    json["loss"] = loss;
    json["examples"] = set.examples().size();
    json["bad_rows"] = set.examples().bad_rows.size();
    json["odd_labels"] = set.examples().odd_labels.size();
    json["model"] = files.path.string();
    json["data"] = set.examples().path;
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("model   {}\ndata    {}: {} examples, {} bad rows\n", files.path.string(),
             set.examples().path, set.examples().size(), set.examples().bad_rows.size());
  fmt::print("loss    {:.4f}\n", loss);
  for (const auto& [name, value] : scores.figures) {
    fmt::print("{:<15} {}\n", name, figure_text(name, value));
  }
  fmt::print("{}", scores.details);
}

}  // namespace

int run_predict(const PredictVerbOptions& options, MpiEnvironment& environment) {
  const ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger({}, group.rank(), environment.host());
  return predict(options, group, log);
}

int predict(const PredictVerbOptions& options, const ProcessGroup& group, Logger& log) {
  const TaskModelFiles files = open_task_model(options.model, options.task);
  const TaskSet set = open_set(options, files, log);
  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, group.local_size);
  const auto device = make_cpu_device(cpu);
  TaskObjective objective(files.model, files.head.head, 0);
  DeviceBatch batch;
  const MicroBatchCapacities micro = capacities_for(set);
  ModelMemory memory(objective, batch, nullptr,
                     {micro.tokens, micro.sequences, micro.masked, set.properties().max_length});
  memory.allocate(*device);
  load_huggingface_weights(files.path, objective.parameters(), MissingHeads::refuse);
  device->layer_ops().weights_changed();
  const TaskOutputs outputs = run_task(objective, batch, *device, *group.communicator, set, micro);
  const std::vector<BadRow>& bad_rows = set.examples().bad_rows;
  const bool lacks_answers = !options.to.empty() && !bad_rows.empty();
  const auto code = static_cast<int>(lacks_answers ? ExitCode::data : ExitCode::ok);
  if (group.rank() != 0) return code;
  const TaskPredictions predictions =
      predict_task(set, files.task, outputs, crf_table(objective.parameters()));
  if (!options.to.empty()) {
    for (const auto& path : write_submission(options.to, set, files.task, predictions)) {
      fmt::print("{}\n", path.string());
    }
  }
  if (set.examples().has_labels()) {
    print_scores(options, files, set, score_task(set, files.task, predictions), outputs.loss);
  } else if (options.to.empty()) {
    throw DataError(fmt::format("{}: no labels to compare with; `predict` writes the answers",
                                set.examples().path));
  }
  if (lacks_answers) {
    log.error("{}: {} row(s) have no answer, named above, the first: {}: {}", set.examples().path,
              bad_rows.size(), bad_rows.front().place, bad_rows.front().reason);
  }
  return code;
}

}  // namespace bertyard
