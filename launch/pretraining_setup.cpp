// SPDX-License-Identifier: Apache-2.0
#include "launch/pretraining_setup.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "launch/cpu_threads.h"
#include "train/huggingface.h"

namespace bertyard {
namespace {

ModelConfig model_of(const RunConfig& config, const Vocabulary& vocabulary) {
  ModelConfig model = config.model.architecture;
  model.vocab_size = static_cast<std::int64_t>(vocabulary.size());
  validate(model);
  return model;
}

std::unique_ptr<Device> make_device(const ParallelOptions& options, int ranks_on_host) {
  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, ranks_on_host);
  return make_cpu_device(cpu);
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

RunPlan make_plan(const RunConfig& config, const SampleSource& train) {
  RunPlan plan(config.schedule, config.optim.warmup, data_facts(train));
  for (PlannedPhase& phase : plan.phases()) {
    phase.capacities = choose_capacities(config.parallel.micro_batch, phase.global_batch,
                                         phase.max_length, mask_bounds(train, config));
  }
  return plan;
}

Capacities largest_capacities(const RunPlan& plan) {
  Capacities largest;
  for (const PlannedPhase& phase : plan.phases()) {
    largest.tokens = std::max(largest.tokens, phase.capacities.tokens);
    largest.sequences = std::max(largest.sequences, phase.capacities.sequences);
    largest.masked = std::max(largest.masked, phase.capacities.masked);
    largest.max_length = std::max<std::int64_t>(largest.max_length, phase.max_length);
  }
  return largest;
}

std::optional<Masker> make_masker(const RunConfig& config, const SampleSource& source,
                                  const Vocabulary& vocabulary) {
  if (source.properties().masks == MaskTime::prepare) return std::nullopt;
  return Masker(config.samples.mask, mask_vocabulary(vocabulary));
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

SentenceObjective sentence_objective(const SampleSource& source) {
  return has_sentence_pairs(source.properties().next_sentence) ? SentenceObjective::next_sentence
                                                               : SentenceObjective::none;
}

}  // namespace

PretrainingSetup::PretrainingSetup(const RunConfig& run_config, int ranks_on_host)
    : config(run_config),
      vocabulary(Vocabulary::load(config.tokenizer.vocab)),
      device(make_device(config.parallel, ranks_on_host)),
      train(open(config.data.train)),
      valid(same_pairs(config.data.valid.empty() ? nullptr : open(config.data.valid), *train)),
      plan(make_plan(config, *train)),
      masker(make_masker(config, *train, vocabulary)),
      model(model_of(config, vocabulary)),
      capacities(largest_capacities(plan)),
      objective(model, sentence_objective(*train), config.run.seed),
      optimizer(config.optim.optimizer, objective.parameters()),
      memory(objective, batch, &optimizer, capacities) {}

std::unique_ptr<SampleSource> PretrainingSetup::open(const std::string& path) const {
  SampleExpectations expectations;
  expectations.vocabulary_hash = vocabulary.hash();
  expectations.vocabulary_size = static_cast<std::uint32_t>(vocabulary.size());
  expectations.segments = static_cast<int>(config.model.architecture.segments);
  expectations.max_length = config.model.architecture.max_positions;
  return open_samples(path, expectations);
}

NextSentence PretrainingSetup::next_sentence() const {
  return train->properties().next_sentence;
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

BatchStreamOptions PretrainingSetup::stream_options(const PlannedPhase& phase, std::uint64_t start,
                                                    int rank, int world) const {
  BatchStreamOptions options;
  options.seed = config.run.seed;
  options.rank = rank;
  options.world = world;
  options.global_batch = phase.global_batch;
  options.max_length = phase.max_length;
  options.capacities = phase.capacities;
  options.start_index = start;
  options.prefetch = config.data.prefetch;
  if (config.data.shuffle == Shuffle::blocks) {
    options.blocks = BlockShuffle{.block = static_cast<std::uint64_t>(config.data.shuffle_block),
                                  .window = static_cast<std::uint64_t>(config.data.shuffle_window)};
  }
  return options;
}

EvaluationData PretrainingSetup::evaluation_data(const PlannedPhase& phase) const {
  const bool stored = valid->properties().masks == MaskTime::prepare;
  return {.source = *valid,
          .masker = stored ? nullptr : &*masker,
          .seed = config.run.seed,
          .sample_limit = static_cast<std::uint64_t>(config.eval.samples),
          .max_length = phase.max_length,
          .capacities = phase.capacities};
}

void initialize_weights(PretrainingSetup& setup) {
  ParameterStore& parameters = setup.objective.parameters();
  initialize(parameters, setup.model, setup.config.run.seed);
  const std::string& from = setup.config.model.from;
  if (from.empty()) return;
  load_huggingface_weights(from, parameters, MissingHeads::keep_values);
}

}  // namespace bertyard
