// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/finetune_setup.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/nn/initialization.h"
#include "launch/config/config.h"
#include "launch/config/config_field.h"
#include "launch/run/teacher.h"
#include "launch/tasks/finetune_checks.h"

namespace bertyard {
namespace {

TaskObjective make_objective(const RunConfig& config, const FinetuneData& data,
                             const HeadConfig& head, std::uint64_t seed) {
  if (data.teacher) {
    return TaskObjective(data.model, head, seed,
                         TeacherSetting{data.teacher->model, config.distill});
  }
  return TaskObjective(data.model, head, seed, class_weights(config, *data.train));
}

RunPlan make_plan(const RunConfig& config, const FinetuneCell& cell, const FinetuneData& data) {
  const Amount end{cell.epochs, AmountUnit::epochs};
  const int length = config.task.max_length;
  RunPlan::DataFacts facts;
  facts.samples = data.train->size();
  RunPlan plan({{end, length, cell.batch}}, {0, AmountUnit::steps}, facts);
  const int leaves = config.parallel.reduction == Reduction::ordered ? config.parallel.leaves : 0;
  MicroBatchCapacities& capacities = plan.phases().front().capacities;
  capacities = choose_capacities(config.parallel.micro_batch, {cell.batch, length, leaves},
                                 config.samples.mask);
  // Every word may be labelled.
  capacities.masked = std::max<std::int64_t>(
      1, config.task.kind == TaskKind::tag ? capacities.tokens : std::int64_t{1});
  return plan;
}

RunConfig planned_config(const RunConfig& config, const FinetuneCell& cell, const RunPlan& plan,
                         const FinetuneData& data) {
  RunConfig own = config;
  const PlannedPhase& phase = plan.phases().front();
  own.run.name = config.run.name + "/" + cell.name();
  own.run.seed = static_cast<std::uint64_t>(cell.seed);
  own.model.architecture = data.model;
  if (model_preset(own.model.preset)->type != data.model.type) {  // a file names both alike
    own.model.preset = data.model.is_elmo() ? "elmo" : ModelSection().preset;
  }
  own.schedule = {
      {{static_cast<double>(plan.total_steps()), AmountUnit::steps}, phase.max_length, cell.batch}};
  own.samples.max_length = std::max(config.samples.max_length, phase.max_length);
  own.optim.optimizer.learning_rate = cell.learning_rate;
  own.optim.end_rate = std::min(config.optim.end_rate, cell.learning_rate);
  const double warmup =
      std::floor(config.finetune.warmup * static_cast<double>(plan.total_steps()));
  own.optim.warmup = {warmup, AmountUnit::steps};
  own.task.labels = data.labels;
  own.finetune.learning_rates = {cell.learning_rate};
  own.finetune.batches = {cell.batch};
  own.finetune.epochs = {cell.epochs};
  own.finetune.seeds = {cell.seed};
  own.checkpoint.keep_last = 1;
  own.checkpoint.keep_best = 1;
  return own;
}

Capacities capacities_of(const RunPlan& plan, const RunConfig& config, const Device& device,
                         const FinetuneData& data) {
  const PlannedPhase& phase = plan.phases().front();
  Capacities capacities{phase.capacities.tokens,
                        phase.capacities.sequences,
                        phase.capacities.masked,
                        phase.max_length,
                        DType::f32,
                        config.parallel.recompute};
  if (config.precision == Precision::bf16) capacities.activations = DType::bf16;
  if (!device.computes(capacities.activations)) {
    throw EnvironmentError(
        fmt::format("precision: bf16 is not computed by {} with {}; set precision to fp32",
                    device.info().name, device.info().libraries));
  }
  capacities.max_length = std::max(capacities.max_length, data.valid->properties().max_length);
  return capacities;
}

}  // namespace

std::vector<FinetuneCell> finetune_cells(const FinetuneSection& section) {
  std::vector<FinetuneCell> cells;
  for (const double rate : section.learning_rates) {
    for (const std::int64_t batch : section.batches) {
      for (const double epochs : section.epochs) {
        for (const std::int64_t seed : section.seeds) cells.push_back({rate, batch, epochs, seed});
      }
    }
  }
  return cells;
}

RunConfig cell_config(const RunConfig& config, const FinetuneCell& cell, const FinetuneData& data) {
  return planned_config(config, cell, make_plan(config, cell, data), data);
}

Origins cell_origins(const RunConfig& own, const FinetuneData& data) {
  Origins origins = run_identity(own);
  for (const char* key : {"task.metric", "task.max_answer", "task.n_best", "task.null_threshold"}) {
    origins[key] = find_field(key)->write(own, 0);
  }
  origins["vocabulary hash"] = hash_text(data.vocabulary.hash());
  origins["training samples"] = std::to_string(data.train->size());
  origins["training text hash"] = hash_text(data.train->properties().identity);
  origins["held-out text hash"] = hash_text(data.valid->properties().identity);
  origins["start weights hash"] = data.start_hash;
  origins["teacher weights hash"] = data.teacher_hash;
  return origins;
}

FinetuneSetup::FinetuneSetup(const RunConfig& run_config, const FinetuneCell& cell,
                             const FinetuneData& shared, const HostPlace& place)
    : data(shared),
      plan(make_plan(run_config, cell, shared)),
      config(planned_config(run_config, cell, plan, shared)),
      device(make_run_device(device_config(run_config, shared.model), place)),
      capacities(capacities_of(plan, run_config, *device, shared)),
      head(head_of(run_config, shared.labels)),
      objective(make_objective(run_config, shared, head.head, config.run.seed)),
      optimizer(config.optim.optimizer, objective.parameters()),
      batch(DeviceBatch::Sequences::as_they_are),
      memory(objective, batch, &optimizer, capacities),
      device_ranks(*device, config) {}

ScheduleOptions FinetuneSetup::schedule() const {
  return {.peak_rate = config.optim.optimizer.learning_rate,
          .end_rate = config.optim.end_rate,
          .warmup_steps = static_cast<std::int64_t>(config.optim.warmup.value),
          .total_steps = plan.total_steps(),
          .decay = config.optim.decay,
          .form = config.optim.form,
          .polynomial_degree = config.optim.polynomial_degree};
}

// An epoch, unless the configuration says otherwise.
std::int64_t FinetuneSetup::evaluate_every() const {
  if (config.eval.every.steps > 0) return config.eval.every.steps;
  const double epoch = static_cast<double>(data.train->size()) /
                       static_cast<double>(plan.phases().front().global_batch);
  return std::max<std::int64_t>(1, std::llround(epoch));
}

BatchStreamOptions FinetuneSetup::stream_options(const PlannedPhase& phase, std::uint64_t start,
                                                 int rank, int world) const {
  BatchStreamOptions options;
  options.seed = config.run.seed;
  options.rank = rank;
  options.world = world;
  options.leaves = config.parallel.reduction == Reduction::ordered ? config.parallel.leaves : 0;
  options.global_batch = phase.global_batch;
  options.max_length = phase.max_length;
  options.capacities = phase.capacities;
  options.start_index = start;
  options.prefetch = config.data.prefetch;
  return options;
}

void FinetuneSetup::load_teacher() {
  if (!data.teacher) return;
  load_huggingface_weights(data.teacher->path, objective.teacher()->parameters(),
                           MissingHeads::refuse);
}

void FinetuneSetup::initialize_weights() {
  ParameterStore& parameters = objective.parameters();
  ModelConfig drawn = data.model;
  drawn.init = config.model.architecture.init;
  fill_on_host(*device, parameters, [&] {
    initialize(parameters, drawn, config.run.seed);
    if (data.start) {
      load_huggingface_weights(data.start->path, parameters, MissingHeads::new_task);
    } else if (const TaskTeacher* teacher = objective.teacher()) {
      start_from_teacher(parameters, data.model, teacher->parameters(),
                         {teacher->config(), teacher->options()});
    }
  });
}

}  // namespace bertyard
