// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/distillation_report.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/backend/layer_ops.h"
#include "data/samples/masking.h"
#include "launch/console/text_table.h"
#include "launch/run/run_data.h"
#include "launch/run/run_device.h"
#include "launch/run/saved_model.h"
#include "launch/run/task_model_files.h"
#include "launch/tasks/finetune_setup.h"
#include "train/evaluation.h"
#include "train/journal/console.h"
#include "train/model_memory.h"
#include "train/tasks/task_evaluation.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

std::string run_path(const RunConfig& config) {
  return (std::filesystem::path(config.run.directory) / config.run.name).string();
}

double per_second(std::int64_t samples, Clock::time_point start) {
  return static_cast<double>(samples) / std::chrono::duration<double>(Clock::now() - start).count();
}

MicroBatchCapacities capacities_for(std::int64_t max_length) {
  MicroBatchCapacities capacities;
  capacities.tokens = std::max<std::int64_t>(2048, max_length);
  capacities.sequences = 128;
  capacities.masked = capacities.tokens;
  return capacities;
}

// With the masks of the evaluations during training.
ModelFigures measure_pretrained(const std::string& path, const RunConfig& config,
                                const ProcessGroup& group, Logger& log, std::int64_t& samples) {
  const SavedModel model = open_saved_model(path, log);
  const RunData data = open_run_data(config);
  const Masker masker(config.samples.mask, mask_vocabulary(data.vocabulary));
  const int max_length = config.schedule.back().max_length;
  const MicroBatchCapacities micro = capacities_for(max_length);
  const auto device = make_teaching_device(config, {.gpu = 0, .local_size = group.local_size});
  PretrainingObjective objective(model.config, SentenceObjective::none, 0);
  DeviceBatch batch;
  ModelMemory memory(objective, batch, nullptr,
                     {micro.tokens, micro.sequences, micro.masked, max_length});
  memory.allocate(*device);
  model.load(objective.parameters());
  device->layer_ops().weights_changed();
  const bool stored = data.valid->properties().masks == MaskTime::prepare;
  const Clock::time_point start = Clock::now();
  const PretrainingEvaluation evaluation =
      evaluate(objective, batch, *device, *group.communicator,
               {.source = *data.valid,
                .masker = stored ? nullptr : &masker,
                .seed = config.run.seed,
                .sample_limit = static_cast<std::uint64_t>(config.eval.samples),
                .max_length = max_length,
                .capacities = micro});
  samples = evaluation.counts.samples;
  return {.path = model.path,
          .config = model.config,
          .parameters = objective.parameters().parameter_count(),
          .samples_per_second = per_second(samples, start),
          .scores = {{"mlm_loss", evaluation.scores.mlm_loss},
                     {"mlm_accuracy", evaluation.scores.mlm_accuracy}}};
}

ModelFigures measure_finetuned(const std::string& path, const RunConfig& config,
                               const ProcessGroup& group, const TaskSet& set) {
  const TaskModelFiles files = open_task_model(path, "");
  const MicroBatchCapacities micro = capacities_for(set.properties().max_length);
  const auto device = make_teaching_device(config, {.gpu = 0, .local_size = group.local_size});
  TaskObjective objective(files.model, files.head.head, 0);
  DeviceBatch batch;
  ModelMemory memory(objective, batch, nullptr,
                     {micro.tokens, micro.sequences, micro.masked, set.properties().max_length});
  memory.allocate(*device);
  load_huggingface_weights(files.path, objective.parameters(), MissingHeads::refuse);
  device->layer_ops().weights_changed();
  const Clock::time_point start = Clock::now();
  const TaskOutputs outputs = run_task(objective, batch, *device, *group.communicator, set, micro);
  const double speed = per_second(static_cast<std::int64_t>(set.size()), start);
  const TaskPredictions predictions =
      predict_task(set, config.task, outputs, crf_table(objective.parameters()));
  ModelFigures figures{.path = files.path.string(),
                       .config = files.model,
                       .parameters = objective.parameters().parameter_count(),
                       .samples_per_second = speed,
                       .scores = score_task(set, config.task, predictions).figures};
  figures.scores.insert(figures.scores.begin(), {"loss", outputs.loss});
  return figures;
}

nlohmann::ordered_json json_of(const ModelFigures& figures) {
  nlohmann::ordered_json json;
  json["model"] = figures.path;
  json["parameters"] = figures.parameters;
  json["layers"] = figures.config.layers;
  json["hidden"] = figures.config.hidden;
  json["samples_per_second"] = figures.samples_per_second;
  for (const auto& [name, value] : figures.scores) json[name] = value;
  return json;
}

}  // namespace

DistillationReport compare_pretrained(const RunConfig& config, const ProcessGroup& group,
                                      Logger& log) {
  DistillationReport report;
  report.teacher = measure_pretrained(config.distill.teacher, config, group, log, report.samples);
  report.student = measure_pretrained(run_path(config), config, group, log, report.samples);
  return report;
}

DistillationReport compare_finetuned(const RunConfig& config, const ProcessGroup& group,
                                     Logger& log) {
  const FinetuneData data = open_finetune_data(config, log);
  DistillationReport report;
  report.teacher = measure_finetuned(config.distill.teacher, config, group, *data.valid);
  report.student = measure_finetuned(run_path(config), config, group, *data.valid);
  report.samples = static_cast<std::int64_t>(data.valid->size());
  if (!config.distill.trains_head()) {
    report.teacher.scores.clear();
    report.student.scores.clear();
  }
  return report;
}

std::string report_text(const DistillationReport& report) {
  std::vector<TextTable::Column> columns{{"", Align::left},
                                         {"parameters", Align::right},
                                         {"layers x hidden", Align::right},
                                         {"samples/s", Align::right}};
  for (const auto& [name, value] : report.student.scores) columns.push_back({name, Align::right});
  TextTable table(columns);
  const auto add = [&table](const char* name, const ModelFigures& figures) {
    std::vector<std::string> cells{
        name, grouped(figures.parameters),
        fmt::format("{} x {}", figures.config.layers, figures.config.hidden),
        fmt::format("{:.1f}", figures.samples_per_second)};
    for (const auto& [score, value] : figures.scores) {
      const bool plain = score.ends_with("loss") || score == "null_threshold";
      cells.push_back(plain ? fmt::format("{:.4f}", value) : fmt::format("{:.2f}%", 100 * value));
    }
    table.add(cells);
  };
  add("teacher", report.teacher);
  add("student", report.student);
  const char* note = report.student.scores.empty()
                         ? "no scores: distill.soft and distill.hard are 0, so the student's head "
                           "is not trained\n"
                         : "";
  return fmt::format("held out: {} samples\n{}{}", report.samples, table.text(), note);
}

std::string report_json(const DistillationReport& report) {
  nlohmann::ordered_json json;
  json["teacher"] = json_of(report.teacher);
  json["student"] = json_of(report.student);
  json["samples"] = report.samples;
  return json.dump(2) + "\n";
}

}  // namespace bertyard
