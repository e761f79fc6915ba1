// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_checks.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/google_samples.h"
#include "launch/config/elmo_checks.h"
#include "launch/config/field_checks.h"
#include "launch/config/task_checks.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

std::string phase_key(std::size_t phase, const char* name) {
  return fmt::format("schedule.{}.{}", phase, name);
}

// The checks of one configuration.
class Checks : FieldChecks {
 public:
  Checks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : FieldChecks(loaded, layers, errors), config_(loaded.config) {}

  void run() const;
  void model() const;
  void masks() const;
  void spans() const;
  void blocks() const;
  void spikes() const;
  void sampling() const;
  void schedule() const;
  void optimizer() const;
  void corpus() const;
  void capacities() const;
  void exchange() const;
  void evaluation() const;
  void gpus() const;
  void teacher() const;

 private:
  void phase(std::size_t index) const;
  void capacity(const char* name, std::int64_t capacity, const std::string& key,
                std::int64_t needed, std::int64_t each = 1) const;

  const RunConfig& config_;
};

void Checks::model() const {
  const ModelConfig& model = config_.model.architecture;
  const std::vector<std::string> keys{"model.hidden", "model.heads"};
  if (model.is_elmo() || !all_read(keys) || model.hidden % model.heads == 0) return;
  std::int64_t below = std::min(model.heads, model.hidden);
  while (model.hidden % below != 0) --below;
  std::int64_t above = std::min(model.heads, model.hidden);
  while (model.hidden % above != 0) ++above;
  const std::string advice =
      below == above ? fmt::format("{}", below) : fmt::format("{} or {}", below, above);
  mistake(keys, fmt::format("{} is not divisible by {}; use heads {}",
                            seen("model.hidden", std::to_string(model.hidden)),
                            seen("model.heads", std::to_string(model.heads)), advice));
}

void Checks::masks() const {
  const MaskOptions& mask = config_.samples.mask;
  const std::vector<std::string> keys{"samples.mask.replace", "samples.mask.random",
                                      "samples.mask.keep"};
  const double sum = mask.replace + mask.random + mask.keep;
  if (all_read(keys) && std::abs(sum - 1) > 1e-9) {
    mistake(keys, fmt::format("{}, {} and {} are {:g}% together, expected 100%",
                              seen(keys[0], write_fraction(mask.replace)),
                              seen(keys[1], write_fraction(mask.random)),
                              seen(keys[2], write_fraction(mask.keep)), sum * 100));
  }
  if (all_read({"samples.mask.rate"}) && mask.rate == 0) {
    mistake({"samples.mask.rate"}, "'samples.mask.rate' is 0, expected above 0%; use 15%");
  }
}

void Checks::spans() const {
  const MaskOptions& mask = config_.samples.mask;
  const std::string unit = "samples.mask.unit";
  if (mask.unit == MaskUnit::span || !all_read({unit})) return;
  const auto useless = [&](const std::string& key, const std::string& value) {
    if (!all_read({key})) return;
    mistake({key}, fmt::format("{} has no effect with this '{}' ({}); use unit: span",
                               seen(key, value), unit, loaded_.origin_of(unit).place()));
  };
  const MaskOptions standard;
  if (mask.span_p != standard.span_p) useless("samples.mask.span.p", write_real(mask.span_p));
  if (mask.span_max != standard.span_max) {
    useless("samples.mask.span.max", std::to_string(mask.span_max));
  }
}

void Checks::blocks() const {
  const DataOptions& data = config_.data;
  const std::string shuffle = "data.shuffle";
  if (data.shuffle == Shuffle::blocks || !all_read({shuffle})) return;
  const auto useless = [&](const std::string& key, std::int64_t value) {
    if (!all_read({key})) return;
    mistake({key}, fmt::format("{} has no effect with this '{}' ({}); use shuffle: blocks",
                               seen(key, std::to_string(value)), shuffle,
                               loaded_.origin_of(shuffle).place()));
  };
  const DataOptions standard;
  if (data.shuffle_block != standard.shuffle_block) useless("data.block", data.shuffle_block);
  if (data.shuffle_window != standard.shuffle_window) useless("data.window", data.shuffle_window);
}

void Checks::spikes() const {
  const SpikeOptions& spike = config_.watch.spike;
  const std::string rule = "optim.spike.rule";
  const std::string every = "checkpoint.every";
  const bool clocked = config_.checkpoint.every.steps == 0;
  if (spike.rule == SpikeRule::rollback && clocked && all_read({rule, every})) {
    mistake(
        {rule, every},
        fmt::format("{} goes back to a checkpoint, which must not depend on a clock: {}; give a "
                    "number of steps, 1000 steps for example",
                    seen(rule, "rollback"), seen(every, write_interval(config_.checkpoint.every))));
  }
  if (spike.rule != SpikeRule::none || !all_read({rule})) return;
  const auto useless = [&](const std::string& key, const std::string& value) {
    if (!all_read({key})) return;
    mistake({key}, fmt::format("{} has no effect with this '{}' ({}); use rule: skip or rollback",
                               seen(key, value), rule, loaded_.origin_of(rule).place()));
  };
  const SpikeOptions standard;
  if (spike.factor != standard.factor) useless("optim.spike.factor", write_real(spike.factor));
  if (spike.window != standard.window) {
    useless("optim.spike.window", std::to_string(spike.window));
  }
}

void Checks::sampling() const {
  const SampleOptions& samples = config_.samples;
  if (!all_read({"samples.sampling", "samples.next_sentence", "samples.mask.when",
                 "samples.mask.unit"})) {
    return;
  }
  try {
    check_google_settings(samples.sampling, samples.next_sentence, samples.mask);
  } catch (const UsageError& error) {
    mistake({"samples.sampling"}, error.what());
  }
}

void Checks::phase(std::size_t index) const {
  const Phase& phase = config_.schedule[index];
  const std::string length = phase_key(index, "length"), until = phase_key(index, "until");
  const auto at_most = [&](const std::string& key, std::int64_t limit) {
    if (!all_read({length, key}) || phase.max_length <= limit) return;
    mistake({length, key}, fmt::format("{} is more than {}; make one of them fit",
                                       seen(length, std::to_string(phase.max_length)),
                                       seen(key, std::to_string(limit))));
  };
  at_most("samples.max_length", config_.samples.max_length);
  at_most("model.max_positions", config_.model.architecture.max_positions);
  if (all_read({until}) && phase.until.value <= 0) {
    mistake({until}, fmt::format("'{}' is 0, expected above 0", until));
  }
  if (index == 0) return;
  const Phase& before = config_.schedule[index - 1];
  const std::string previous = phase_key(index - 1, "until");
  const bool falls =
      before.until.unit == phase.until.unit && phase.until.value <= before.until.value;
  if (all_read({until, previous}) && falls) {
    mistake({until, previous},
            fmt::format("{} is not after {}; 'until' counts from the start of the run and rises "
                        "from phase to phase",
                        seen(until, write_amount(phase.until)),
                        seen(previous, write_amount(before.until))));
  }
}

// The run directory lies below run.dir, nowhere else.
void Checks::run() const {
  const std::filesystem::path name = config_.run.name;
  const bool climbs = std::any_of(name.begin(), name.end(),
                                  [](const auto& part) { return part == "." || part == ".."; });
  if (!(name.empty() || name.is_absolute() || climbs) || !all_read({"run.name"})) return;
  mistake({"run.name"}, fmt::format("{} is not a place below run.dir; give a plain name, and set "
                                    "run.dir to choose where it lies",
                                    seen("run.name", config_.run.name)));
}

void Checks::schedule() const {
  for (std::size_t i = 0; i < config_.schedule.size(); ++i) phase(i);
}

void Checks::optimizer() const {
  const OptimSection& optim = config_.optim;
  const Amount& end = config_.schedule.back().until;
  const std::string until = phase_key(config_.schedule.size() - 1, "until");
  const bool outlasts = optim.warmup.unit == end.unit && optim.warmup.value >= end.value;
  if (all_read({"optim.warmup", until}) && outlasts) {
    mistake({"optim.warmup", until}, fmt::format("{} is not shorter than the run, {}",
                                                 seen("optim.warmup", write_amount(optim.warmup)),
                                                 seen(until, write_amount(end))));
  }
  const double peak = optim.optimizer.learning_rate;
  if (all_read({"optim.lr", "optim.end_lr"}) && optim.end_rate > peak) {
    mistake({"optim.end_lr", "optim.lr"},
            fmt::format("{} is above {}, the highest rate",
                        seen("optim.end_lr", write_real(optim.end_rate)),
                        seen("optim.lr", write_real(peak))));
  }
}

void Checks::corpus() const {
  const bool has_pattern = !config_.corpus.document_start.empty();
  if (!has_pattern || config_.corpus.layout == TextLayout::wrapped) return;
  if (!all_read({"corpus.layout", "corpus.document_start"})) return;
  mistake({"corpus.document_start"},
          fmt::format("'corpus.document_start' has no effect with this 'corpus.layout' ({}); use "
                      "layout: wrapped",
                      loaded_.origin_of("corpus.layout").place()));
}

void Checks::capacity(const char* name, std::int64_t capacity, const std::string& key,
                      std::int64_t needed, std::int64_t each) const {
  const std::string own = fmt::format("parallel.micro_batch.{}", name);
  if (capacity == 0 || capacity >= each * needed || !all_read({own, key})) return;
  mistake({own, key},
          fmt::format("{} cannot hold one sample, {}{}; use auto",
                      seen(own, std::to_string(capacity)), seen(key, std::to_string(needed)),
                      each == 2 ? " with two predictions a token" : ""));
}

void Checks::capacities() const {
  const MicroBatchOptions& batch = config_.parallel.micro_batch;
  if (config_.task.kind != TaskKind::none) {  // labels every token at most, predicts none
    return capacity("tokens", batch.tokens, "task.max_length", config_.task.max_length);
  }
  for (std::size_t i = 0; i < config_.schedule.size(); ++i) {
    capacity("tokens", batch.tokens, phase_key(i, "length"), config_.schedule[i].max_length);
  }
  if (!config_.model.architecture.is_language_model()) {
    return capacity("masked", batch.masked, "samples.mask.max_predictions",
                    config_.samples.mask.max_predictions);
  }
  for (std::size_t i = 0; i < config_.schedule.size(); ++i) {
    capacity("masked", batch.masked, phase_key(i, "length"), config_.schedule[i].max_length,
             rows_per_token(token_targets(config_.model.architecture)));
  }
}

void Checks::exchange() const {
  const ParallelOptions& parallel = config_.parallel;
  if (parallel.exchange == Precision::fp32 || parallel.reduction == Reduction::fast) return;
  mistake({"parallel.exchange", "parallel.reduction"},
          fmt::format("{} rounds sums by who makes them, {} promises the same bits for all ranks; "
                      "use exchange: fp32, or reduction: fast",
                      seen("parallel.exchange", "bf16"), seen("parallel.reduction", "ordered")));
}

void Checks::evaluation() const {
  const bool is_task = config_.task.kind != TaskKind::none;  // holds out a part by itself
  if (is_task || config_.eval.every.steps == 0 || !config_.data.valid.empty()) return;
  if (!all_read({"eval.every", "data.valid", "samples.out", "corpus.held_out"})) return;
  mistake({"eval.every", "data.valid"},
          fmt::format("{} needs held-out shards, but 'data.valid' is empty; set it, or eval.every: "
                      "never",
                      seen("eval.every", write_interval(config_.eval.every))));
}

// A rank drives one GPU.
void Checks::gpus() const {
  const SlurmSection& slurm = config_.slurm;
  const std::string tasks = "slurm.tasks_per_node", gpus = "slurm.gpus_per_node";
  if (slurm.gpus_per_node == 0 || slurm.ranks_on_node() == slurm.gpus_per_node) return;
  if (!all_read({tasks, gpus})) return;
  mistake({tasks, gpus},
          fmt::format("{} is not {}: a rank drives one GPU; use tasks_per_node: auto",
                      seen(tasks, std::to_string(slurm.tasks_per_node)),
                      seen(gpus, std::to_string(slurm.gpus_per_node))));
}

void Checks::teacher() const {
  if (!config_.distill.taught() || !all_read({"distill.teacher"})) return;
  if (config_.precision != Precision::fp32 && all_read({"precision"})) {
    mistake({"precision", "distill.teacher"},
            "a student and its teacher compute in fp32; set precision to fp32");
  }
  if (config_.parallel.recompute != Recompute::none && config_.distill.attention > 0 &&
      all_read({"parallel.recompute", "distill.attention"})) {
    mistake({"parallel.recompute", "distill.attention"},
            fmt::format("{} keeps no attention scores, and {} learns from them; use recompute: "
                        "none, or distill.attention: 0",
                        seen("parallel.recompute", "layers"),
                        seen("distill.attention", write_real(config_.distill.attention))));
  }
  if (!config_.finetune.class_weights.empty() && all_read({"finetune.class_weights"})) {
    mistake(
        {"finetune.class_weights", "distill.teacher"},
        "'finetune.class_weights' do not go with a teacher, whose soft labels have none; remove "
        "them, or distill.teacher");
  }
}

}  // namespace

void check_across_fields(const LoadedConfig& loaded, const ConfigLayers& layers,
                         ConfigErrors& errors) {
  const Checks checks(loaded, layers, errors);
  checks.run();
  checks.model();
  checks.masks();
  checks.spans();
  checks.blocks();
  checks.spikes();
  checks.sampling();
  if (loaded.config.task.kind == TaskKind::none) {  // a fine-tuning has its own
    checks.schedule();
    checks.optimizer();
  }
  checks.corpus();
  checks.capacities();
  checks.exchange();
  checks.evaluation();
  checks.gpus();
  checks.teacher();
  check_elmo(loaded, layers, errors);
  check_task(loaded, layers, errors);
}

}  // namespace bertyard
