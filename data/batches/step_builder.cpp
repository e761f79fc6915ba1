// SPDX-License-Identifier: Apache-2.0
#include "data/batches/step_builder.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/batches/batch_builder.h"
#include "data/samples/cut_sample.h"

namespace bertyard {
namespace {

// Far enough that memory has answered by the time they are read.
constexpr std::uint64_t kShapesAhead = 16;
constexpr std::size_t kSamplesAhead = 12;

void check_options(const BatchStreamOptions& options) {
  if (options.world < 1 || options.rank < 0 || options.rank >= options.world) {
    throw UsageError(fmt::format("batches: rank {} of {} ranks", options.rank, options.world));
  }
  if (options.global_batch < 1 || options.max_length < 5) {
    throw UsageError(
        fmt::format("batches: global_batch {} and length {}, expected at least 1 and 5",
                    options.global_batch, options.max_length));
  }
  if (options.prefetch < 1 || options.threads < 1) {
    throw UsageError(fmt::format("batches: prefetch {} with {} threads, expected at least 1 each",
                                 options.prefetch, options.threads));
  }
}

void check_source(const SourceProperties& source, const Masker* masker,
                  const BatchStreamOptions& options) {
  const bool draws_masks =
      source.masks == MaskTime::training && options.targets == TokenTargets::masked;
  if (draws_masks && masker == nullptr) {
    throw UsageError(
        fmt::format("{}: stores no masks, so a vocabulary is needed to draw them", source.path));
  }
  if (source.cutting == Cutting::refused && source.max_length > options.max_length) {
    throw DataError(fmt::format(
        "{}: its samples have up to {} tokens and cannot be cut to {}; raise the length",
        source.path, source.max_length, options.max_length));
  }
  if (masker != nullptr && source.vocabulary_size != 0 &&
      masker->vocabulary().size != source.vocabulary_size) {
    throw DataError(fmt::format("{}: made with a vocabulary of {} entries, this run's has {}",
                                source.path, source.vocabulary_size, masker->vocabulary().size));
  }
}

}  // namespace

// The samples of one step on their way into batches, asked for a few ahead.
class StepBuilder::Reading {
 public:
  Reading(const SampleSource& source, std::uint64_t first_index,
          const std::vector<Sampler::Draw>& draws, std::span<const PlannedMicroBatch> planned)
      : source_(source), first_index_(first_index), draws_(draws) {
    for (const PlannedMicroBatch& batch : planned) {
      order_.insert(order_.end(), batch.samples.begin(), batch.samples.end());
    }
    for (std::size_t i = 0; i < kSamplesAhead; ++i) ask_for_next();
  }
  const Sampler::Draw& draw(std::uint32_t place) const { return draws_[place]; }
  BatchBuilder::Names names(std::uint32_t place) const {
    return {first_index_ + place, draws_[place].sample_id};
  }
  void ask_for_next() {
    if (asked_ < order_.size()) source_.prefetch(draws_[order_[asked_++]].sample_id);
  }

  StoredSample scratch;

 private:
  const SampleSource& source_;
  std::uint64_t first_index_;
  const std::vector<Sampler::Draw>& draws_;
  std::vector<std::uint32_t> order_;  // places in draws_, as they will be read
  std::size_t asked_ = 0;
};

StepBuilder::StepBuilder(const SampleSource& source, const Masker* masker,
                         const BatchStreamOptions& options)
    : source_(source),
      masker_(source.properties().masks == MaskTime::prepare ||
                      options.targets != TokenTargets::masked
                  ? nullptr
                  : masker),
      options_(options),
      sampler_(options.seed, source.size()) {
  check_options(options);
  check_source(source.properties(), masker, options);
  if (options.blocks) block_sampler_.emplace(options.seed, source.size(), *options.blocks);
}

std::uint64_t StepBuilder::step_size(std::uint64_t first_index) const {
  const auto global_batch = static_cast<std::uint64_t>(options_.global_batch);
  if (options_.order == StreamOrder::shuffled) return global_batch;
  const std::uint64_t end =
      options_.sample_limit == 0 ? source_.size() : std::min(source_.size(), options_.sample_limit);
  return first_index >= end ? 0 : std::min(global_batch, end - first_index);
}

Sampler::Draw StepBuilder::draw(std::uint64_t global_index) const {
  if (options_.order == StreamOrder::sequential) return {global_index, kFixedMaskEpoch};
  return block_sampler_ ? block_sampler_->at(global_index) : sampler_.at(global_index);
}

std::vector<Sampler::Draw> StepBuilder::draw_step(std::uint64_t first_index,
                                                  std::uint64_t size) const {
  std::vector<Sampler::Draw> draws(size);
  if (options_.order == StreamOrder::shuffled && !block_sampler_) {
    sampler_.fill(first_index, draws);
  } else {
    for (std::uint64_t i = 0; i < size; ++i) draws[i] = draw(first_index + i);
  }
  return draws;
}

void StepBuilder::read(const Sampler::Draw& drawn, StoredSample& sample) const {
  source_.read(drawn.sample_id, sample);
  const bool predicts_all = options_.targets != TokenTargets::masked;
  const bool predicts_next = options_.targets == TokenTargets::next;
  if (predicts_all && !sample.key_mask.empty()) {
    throw DataError(fmt::format(
        "{}: sample {} has holes in its input_mask, and what stands {} one has no token {} it; {} "
        "needs samples without holes",
        source_.properties().path, drawn.sample_id, predicts_next ? "behind" : "beside",
        predicts_next ? "before" : "next to",
        predicts_next ? "model.attention: causal" : "model.type: elmo"));
  }
  if (predicts_all) take_masks_back(sample);
  cut_sample(sample, options_.max_length);
  if (predicts_all) predicts_next ? predict_next_tokens(sample) : predict_neighbours(sample);
  if (masker_ == nullptr) return;
  MaskedTokens masked{std::move(sample.mask_positions), std::move(sample.mask_labels)};
  masker_->mask(sample.tokens, {options_.seed, drawn.epoch, drawn.sample_id}, masked);
  sample.mask_positions = std::move(masked.positions);
  sample.mask_labels = std::move(masked.labels);
}

SampleLoad StepBuilder::load_of(const Sampler::Draw& drawn, StoredSample& scratch) const {
  const SampleShape shape = source_.shape(drawn.sample_id);
  const std::int64_t length = std::min<std::int64_t>(shape.length, options_.max_length);
  if (options_.targets != TokenTargets::masked) {
    return {length, predictions_of(options_.targets, length)};
  }
  if (masker_ == nullptr && length == shape.length) return {length, shape.masked};
  if (masker_ != nullptr && masker_->options().unit == MaskUnit::token) {
    return {length, masker_->count(length, shape.a_length < shape.length ? 3 : 2)};
  }
  // Which masks a cut leaves, and how many words the draws mask, only the tokens tell.
  read(drawn, scratch);
  return {length, static_cast<std::int64_t>(scratch.mask_positions.size())};
}

Batch StepBuilder::build_batch(const PlannedMicroBatch& planned, Reading& reading) const {
  BatchBuilder builder(planned, options_.targets);
  for (const std::uint32_t place : planned.samples) {
    reading.ask_for_next();
    read(reading.draw(place), reading.scratch);
    builder.append(reading.scratch, reading.names(place));
  }
  Batch batch = builder.take();
  if (batch.token_count() != planned.tokens || batch.masked_count() != planned.masked) {
    throw DataError(fmt::format(
        "{}: a batch has {} tokens and {} masked ones where the plan has {} and {}: a sample holds "
        "[CLS] or [SEP] inside its text; run prepare again",
        source_.properties().path, batch.token_count(), batch.masked_count(), planned.tokens,
        planned.masked));
  }
  return batch;
}

std::optional<StepBatches> StepBuilder::build(std::uint64_t number) const {
  const auto global_batch = static_cast<std::uint64_t>(options_.global_batch);
  const std::uint64_t first = options_.start_index + number * global_batch;
  const std::uint64_t size = step_size(first);
  if (size == 0) return std::nullopt;
  const std::vector<Sampler::Draw> draws = draw_step(first, size);
  StoredSample scratch;
  std::vector<SampleLoad> loads;
  loads.reserve(size);
  for (std::uint64_t i = 0; i < std::min(size, kShapesAhead); ++i) {
    source_.prefetch_shape(draws[i].sample_id);
  }
  for (std::uint64_t i = 0; i < size; ++i) {
    if (i + kShapesAhead < size) source_.prefetch_shape(draws[i + kShapesAhead].sample_id);
    loads.push_back(load_of(draws[i], scratch));
  }
  const StepPlan plan(loads, options_.capacities, {options_.world, options_.leaves},
                      first == options_.phase_start ? IdleRanks::refuse : IdleRanks::allow);
  StepBatches step{.micro_batches = {},
                   .leaf_ends = plan.group_ends(options_.rank),
                   .first_micro_batch = plan.first_of_rank(options_.rank),
                   .total_micro_batches = plan.micro_batches().size(),
                   .samples = plan.samples(),
                   .tokens = plan.tokens(),
                   .masked = plan.masked(),
                   .first_index = first,
                   .next_index = first + size};
  Reading reading(source_, first, draws, plan.of_rank(options_.rank));
  for (const PlannedMicroBatch& planned : plan.of_rank(options_.rank)) {
    step.micro_batches.push_back(build_batch(planned, reading));
  }
  return step;
}

}  // namespace bertyard
