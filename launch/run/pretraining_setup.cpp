// SPDX-License-Identifier: Apache-2.0
#include "launch/run/pretraining_setup.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "launch/config/backend_choice.h"
#include "launch/run/process_memory.h"
#include "launch/run/run_device.h"
#include "launch/run/teacher.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

ModelConfig model_of(const RunConfig& config, const Vocabulary& vocabulary) {
  ModelConfig model = config.model.architecture;
  model.vocab_size = static_cast<std::int64_t>(vocabulary.size());
  validate(model);
  return model;
}

// Stored masks bound the masked tokens of a micro-batch as drawn ones do.
MaskOptions mask_bounds(const SampleSource& source, const RunConfig& config) {
  MaskOptions mask = config.samples.mask;
  if (source.properties().masks == MaskTime::prepare) {
    mask.max_predictions = static_cast<int>(
        std::max<std::int64_t>({1, source.properties().max_masked, mask.max_predictions}));
    mask.rate = std::max(mask.rate, 0.15);
  }
  return mask;
}

// In fast reduction every rank is one leaf.
int leaves_of(const ParallelOptions& options) {
  return options.reduction == Reduction::ordered ? options.leaves : 0;
}

// A CPU gains nothing from larger micro-batches. A GPU does until its products are some ten
// thousand rows high; by model and not by card, so that a run keeps its micro-batches on another
// one.
std::int64_t most_tokens(const RunConfig& config) {
  constexpr std::int64_t kOnCpu = 4096, kOnGpu = 32768;
  constexpr std::int64_t kActivations = std::int64_t{12} << 30;  // of them, in bytes
  // A layer keeps some twenty values a token and channel: its input, queries, keys, values, what
  // attention and the blocks give, norms, and four each before and behind GELU.
  const std::int64_t bytes = 20 * (config.precision == Precision::bf16 ? 2 : 4);
  const ModelConfig& model = config.model.architecture;
  if (!takes_gpu(config)) return kOnCpu;
  std::int64_t tokens = kOnGpu;
  while (tokens > kOnCpu && tokens * bytes * model.hidden * model.layers > kActivations) {
    tokens /= 2;
  }
  return tokens;
}

RunPlan make_plan(const RunConfig& config, const SampleSource& train) {
  RunPlan plan(config.schedule, config.optim.warmup, data_facts(train));
  const MicroBatchOptions& wanted = config.parallel.micro_batch;
  for (PlannedPhase& phase : plan.phases()) {
    phase.capacities = choose_capacities(
        wanted,
        {phase.global_batch, phase.max_length, leaves_of(config.parallel), most_tokens(config)},
        mask_bounds(train, config));
    const ModelConfig& model = config.model.architecture;
    if (model.is_language_model() && wanted.masked == 0) {
      phase.capacities.masked = rows_per_token(token_targets(model)) * phase.capacities.tokens;
    }
  }
  return plan;
}

DType activation_type(const RunConfig& config, const Device& device) {
  const DType type = config.precision == Precision::bf16 ? DType::bf16 : DType::f32;
  if (!device.computes(type)) {
    throw EnvironmentError(fmt::format(
        "precision: bf16 needs a processor with AVX512-BF16 or AMX and a build with oneDNN; this "
        "one is {} with {}. Set precision to fp32",
        device.info().name, device.info().libraries));
  }
  return type;
}

Capacities largest_capacities(const RunPlan& plan, DType activations, Recompute recompute) {
  Capacities largest;
  largest.activations = activations;
  largest.recompute = recompute;
  for (const PlannedPhase& phase : plan.phases()) {
    largest.tokens = std::max(largest.tokens, phase.capacities.tokens);
    largest.sequences = std::max(largest.sequences, phase.capacities.sequences);
    largest.masked = std::max(largest.masked, phase.capacities.masked);
    largest.max_length = std::max<std::int64_t>(largest.max_length, phase.max_length);
  }
  return largest;
}

// A head that learns one kind of pairs says nothing about another.
std::unique_ptr<SampleSource> same_pairs(std::unique_ptr<SampleSource> valid,
                                         const SampleSource& train) {
  if (valid == nullptr) return valid;
  const NextSentence held_out = valid->properties().next_sentence;
  const NextSentence trained = train.properties().next_sentence;
  if (held_out == trained) return valid;
  throw DataError(fmt::format(
      "{}: its samples were made with next_sentence: {}, those of {} with {}; prepare both alike",
      valid->properties().path, name_of(held_out), train.properties().path, name_of(trained)));
}

NextSentence pairs_of(const SampleSource& source, const ModelConfig& model) {
  return model.is_language_model() ? NextSentence::none : source.properties().next_sentence;
}

SentenceObjective sentence_objective(const SampleSource& source, const ModelConfig& model) {
  return has_sentence_pairs(pairs_of(source, model)) ? SentenceObjective::next_sentence
                                                     : SentenceObjective::none;
}

std::optional<ShardPlan> make_shards(const ParallelOptions& options,
                                     const ParameterStore& parameters, int ranks) {
  if (!options.shard_optimizer || ranks == 1) return std::nullopt;
  return ShardPlan(parameters, static_cast<std::int64_t>(options.bucket_bytes), ranks);
}

std::unique_ptr<Device> make_device(const RunConfig& config, const RankPlace& place) {
  return place.planned_gpu > 0 ? make_planned_gpu(place.planned_gpu)
                               : make_run_device(config, {place.gpu, place.ranks_on_host});
}

PretrainingObjective make_objective(const RunConfig& config, const ModelConfig& model,
                                    const SampleSource& train, const Vocabulary& vocabulary) {
  if (!config.distill.taught()) {
    return PretrainingObjective(model, sentence_objective(train, model), config.run.seed);
  }
  return PretrainingObjective(model, pretraining_teacher(config, vocabulary), config.run.seed);
}

}  // namespace

PretrainingSetup::PretrainingSetup(const RunConfig& run_config, RunData data,
                                   const RankPlace& place)
    : config(run_config),
      vocabulary(std::move(data.vocabulary)),
      device(make_device(config, place)),
      train(std::move(data.train)),
      valid(same_pairs(std::move(data.valid), *train)),
      plan(make_plan(config, *train)),
      masker(config.samples.mask, mask_vocabulary(vocabulary)),
      model(model_of(config, vocabulary)),
      capacities(
          largest_capacities(plan, activation_type(config, *device), config.parallel.recompute)),
      objective(make_objective(config, model, *train, vocabulary)),
      shards(make_shards(config.parallel, objective.parameters(), place.ranks)),
      optimizer(config.optim.optimizer, objective.parameters(),
                shards ? shards->shard(place.rank) : whole_shard(objective.parameters())),
      memory(objective, batch, &optimizer, capacities),
      resident_before(resident_bytes()),
      device_ranks(*device, config),
      place_(place) {}

NextSentence PretrainingSetup::next_sentence() const {
  return config.distill.taught() ? NextSentence::none : pairs_of(*train, model);
}

TokenTargets PretrainingSetup::targets() const {
  return token_targets(model);
}

ScheduleOptions PretrainingSetup::schedule() const {
  return {.peak_rate = config.optim.optimizer.learning_rate,
          .end_rate = config.optim.end_rate,
          .warmup_steps = plan.warmup_steps(),
          .total_steps = plan.total_steps(),
          .decay = config.optim.decay,
          .form = config.optim.form,
          .polynomial_degree = config.optim.polynomial_degree};
}

void PretrainingSetup::connect(Communicator& devices) {
  if (!shards) return;
  exchange_ = std::make_unique<ShardedOptimizer>(devices, *shards);
  optimizer.connect(*exchange_);
}

std::unique_ptr<GradientReduction> PretrainingSetup::make_reduction(Communicator& devices) {
  return device_ranks.make_reduction(devices, objective.parameters(), shard_plan());
}

MemoryUse PretrainingSetup::memory_use() const {
  MemoryUse use = memory.use(*device);
  if (shards) {
    const OptimizerShard fullest = shards->shard(shards->fullest_rank());
    use.optimizer = Optimizer(config.optim.optimizer, objective.parameters(), fullest).bytes();
  }
  if (config.parallel.exchange == Precision::bf16 && place_.ranks > 1) {
    const std::int64_t elements = objective.parameters().flat_elements();
    use.reduction = static_cast<std::size_t>(elements) * size_of(DType::bf16);
  }
  if (config.parallel.reduction == Reduction::ordered) {
    for (int rank = 0; rank < place_.ranks; ++rank) {
      use.reduction = std::max(
          use.reduction,
          OrderedReduction::bytes(objective.parameters().flat_elements(), rank, place_.ranks,
                                  ordered_options(config.parallel, shard_plan())));
    }
  }
  return use;
}

BatchStreamOptions PretrainingSetup::stream_options(const PlannedPhase& phase, std::uint64_t start,
                                                    int rank, int world) const {
  BatchStreamOptions options;
  options.seed = config.run.seed;
  options.rank = rank;
  options.world = world;
  options.leaves = leaves_of(config.parallel);
  options.global_batch = phase.global_batch;
  options.max_length = phase.max_length;
  options.capacities = phase.capacities;
  options.start_index = start;
  options.phase_start = phase.first_index;
  options.targets = targets();
  options.prefetch = config.data.prefetch;
  if (config.data.shuffle == Shuffle::blocks) {
    options.blocks = BlockShuffle{.block = static_cast<std::uint64_t>(config.data.shuffle_block),
                                  .window = static_cast<std::uint64_t>(config.data.shuffle_window)};
  }
  return options;
}

const Masker* PretrainingSetup::masker_for(const SampleSource& source) const {
  const bool draws =
      source.properties().masks == MaskTime::training && targets() == TokenTargets::masked;
  return draws ? &masker : nullptr;
}

EvaluationData PretrainingSetup::evaluation_data(const PlannedPhase& phase) const {
  return {.source = *valid,
          .masker = masker_for(*valid),
          .seed = config.run.seed,
          .sample_limit = static_cast<std::uint64_t>(config.eval.samples),
          .max_length = phase.max_length,
          .capacities = phase.capacities,
          .targets = targets()};
}

std::optional<std::uint64_t> load_teacher(PretrainingSetup& setup) {
  MlmTeacher* teacher = setup.objective.teacher();
  if (teacher == nullptr) return std::nullopt;
  return load_teacher(teacher->options().teacher, teacher->parameters());
}

ImportReport initialize_weights(PretrainingSetup& setup, const std::optional<SavedModel>& start) {
  ImportReport report;
  ParameterStore& parameters = setup.objective.parameters();
  fill_on_host(*setup.device, parameters, [&] {
    // A GPU's initial weights are the bits of a CPU's: drawn on the host, by any number of threads.
    initialize(parameters, setup.model, setup.config.run.seed, setup.device->info().threads);
    if (start) {
      report = load_huggingface_weights(start->path, parameters, MissingHeads::keep_values);
    } else if (const MlmTeacher* teacher = setup.objective.teacher()) {
      start_from_teacher(parameters, setup.model, teacher->parameters(),
                         {teacher->config(), teacher->options()});
    }
  });
  return report;
}

}  // namespace bertyard
