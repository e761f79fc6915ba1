// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_distill.h"

#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/masking.h"
#include "launch/cpu_threads.h"
#include "launch/rank_log.h"
#include "launch/run_data.h"
#include "launch/saved_model.h"
#include "launch/text_table.h"
#include "train/evaluation.h"
#include "train/model_memory.h"

namespace bertyard {
namespace {

struct ModelFigures {
  std::string path;
  ModelConfig config;
  PretrainingEvaluation evaluation;
  double seconds = 0;  // of the evaluation
};

ModelFigures measure(const std::string& path, const RunConfig& config, ProcessGroup& group,
                     Logger& log) {
  const SavedModel model = open_saved_model(path, log);
  const RunData data = open_run_data(config);
  const Masker masker(config.samples.mask, mask_vocabulary(data.vocabulary));
  const int max_length = config.schedule.back().max_length;
  MicroBatchCapacities micro;
  micro.tokens = std::max<std::int64_t>(2048, max_length);
  micro.sequences = 128;
  micro.masked = micro.tokens;

  CpuOptions cpu;
  cpu.threads = cpu_threads(config.parallel.threads, group.local_size);
  const auto device = make_cpu_device(cpu);
  PretrainingObjective objective(model.config, SentenceObjective::none, 0);
  DeviceBatch batch;
  ModelMemory memory(objective, batch, nullptr,
                     {micro.tokens, micro.sequences, micro.masked, max_length});
  memory.allocate(*device);
  model.load(objective.parameters());
  device->layer_ops().weights_changed();
  const bool stored = data.valid->properties().masks == MaskTime::prepare;
  const auto start = std::chrono::steady_clock::now();
  ModelFigures figures{model.path, model.config, {}, 0};
  figures.evaluation = evaluate(objective, batch, *device, *group.communicator,
                                {.source = *data.valid,
                                 .masker = stored ? nullptr : &masker,
                                 .seed = config.run.seed,
                                 .sample_limit = static_cast<std::uint64_t>(config.eval.samples),
                                 .max_length = max_length,
                                 .capacities = micro});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  figures.seconds = seconds.count();
  return figures;
}

double samples_per_second(const ModelFigures& figures) {
  return static_cast<double>(figures.evaluation.counts.samples) / figures.seconds;
}

nlohmann::ordered_json json_of(const ModelFigures& figures) {
  nlohmann::ordered_json json;
  json["model"] = figures.path;
  json["parameters"] = figures.config.parameter_count();
  json["layers"] = figures.config.layers;
  json["hidden"] = figures.config.hidden;
  json["samples_per_second"] = samples_per_second(figures);
  json["mlm_loss"] = figures.evaluation.scores.mlm_loss;
  json["mlm_accuracy"] = figures.evaluation.scores.mlm_accuracy;
  return json;
}

void print_figures(const ModelFigures& teacher, const ModelFigures& student) {
  TextTable table({{"", Align::left},
                   {"parameters", Align::right},
                   {"layers x hidden", Align::right},
                   {"samples/s", Align::right},
                   {"MLM loss", Align::right},
                   {"accuracy", Align::right}});
  const auto add = [&table](const char* name, const ModelFigures& figures) {
    table.add({name, grouped(figures.config.parameter_count()),
               fmt::format("{} x {}", figures.config.layers, figures.config.hidden),
               fmt::format("{:.1f}", samples_per_second(figures)),
               fmt::format("{:.4f}", figures.evaluation.scores.mlm_loss),
               fmt::format("{:.2f}%", 100 * figures.evaluation.scores.mlm_accuracy)});
  };
  add("teacher", teacher);
  add("student", student);
  fmt::print("held out: {} samples, {} masked tokens\n{}", teacher.evaluation.counts.samples,
             teacher.evaluation.counts.masked, table.text());
}

}  // namespace

int run_distill(const TrainVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"distill.teacher", "tokenizer.vocab", "data.train"}, "distill");
  const int code = run_train(options, environment);
  const RunConfig& config = loaded.config;
  const bool is_dry = options.form == TrainForm::dry;
  if (code != 0 || is_dry || config.data.valid.empty()) return code;

  ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger(config.log, group.rank(), environment.host());
  const std::filesystem::path run = std::filesystem::path(config.run.directory) / config.run.name;
  const ModelFigures teacher = measure(config.distill.teacher, config, group, log);
  const ModelFigures student = measure(run.string(), config, group, log);
  if (group.rank() != 0) return code;
  print_figures(teacher, student);
  nlohmann::ordered_json report;
  report["teacher"] = json_of(teacher);
  report["student"] = json_of(student);
  report["samples"] = teacher.evaluation.counts.samples;
  report["masked_tokens"] = teacher.evaluation.counts.masked;
  write_file_atomically(run / "distillation.json", report.dump(2) + "\n");
  return code;
}

}  // namespace bertyard
