// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch_stream.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/data/made_samples.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(BatchStream, AnEpochHoldsEverySampleOnce) {
  const MadeSamples source(200);
  const Masker masker = make_masker();
  const auto rows = rows_of(source, &masker, stream_options(), 10);  // two epochs

  ASSERT_EQ(rows.size(), 400u);
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    std::set<std::uint64_t> ids;
    for (std::uint64_t i = 0; i < 200; ++i) ids.insert(rows.at(epoch * 200 + i).sample_id);
    EXPECT_EQ(ids.size(), 200u);
  }
}

TEST(BatchStream, WhatASampleBringsDoesNotDependOnRanksThreadsOrCapacities) {
  const MadeSamples source(150);
  for (const MaskUnit unit : {MaskUnit::token, MaskUnit::word}) {
    const Masker masker = make_masker(unit);
    BatchStreamOptions options = stream_options();
    const auto reference = rows_of(source, &masker, options, 6);
    options.world = 3;
    options.threads = 3;
    options.prefetch = 2;
    EXPECT_EQ(rows_of(source, &masker, options, 6), reference);
    options.world = 2;
    options.capacities = {700, 30, 200};
    EXPECT_EQ(rows_of(source, &masker, options, 6), reference);
  }
}

TEST(BatchStream, AnyPositionCanBeTheStart) {
  const MadeSamples source(150);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  BatchStream whole(source, &masker, options);
  for (int s = 0; s < 5; ++s) {
    const StepBatches expected = whole.next().value();
    options.start_index = expected.first_index;
    const StepBatches found = BatchStream(source, &masker, options).next().value();
    ASSERT_EQ(found.micro_batches.size(), expected.micro_batches.size());
    for (std::size_t m = 0; m < found.micro_batches.size(); ++m) {
      EXPECT_EQ(found.micro_batches[m].tokens, expected.micro_batches[m].tokens);
      EXPECT_EQ(found.micro_batches[m].global_indices, expected.micro_batches[m].global_indices);
      EXPECT_EQ(found.micro_batches[m].masked_rows, expected.micro_batches[m].masked_rows);
    }
    EXPECT_EQ(found.next_index, expected.next_index);
    EXPECT_EQ(expected.next_index, expected.first_index + 40);
  }
}

TEST(BatchStream, CountsAreOfAllRanks) {
  const MadeSamples source(150);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.world = 2;
  BatchStream first(source, &masker, options);
  options.rank = 1;
  BatchStream second(source, &masker, options);
  for (int s = 0; s < 4; ++s) {
    const StepBatches a = first.next().value();
    const StepBatches b = second.next().value();
    std::int64_t tokens = 0;
    std::int64_t masked = 0;
    std::int64_t samples = 0;
    for (const StepBatches* step : {&a, &b}) {
      for (const Batch& batch : step->micro_batches) {
        tokens += batch.token_count();
        masked += batch.masked_count();
        samples += batch.sequence_count();
      }
    }
    EXPECT_EQ(samples, 40);
    EXPECT_EQ(a.samples, 40);
    EXPECT_EQ(a.tokens, tokens);
    EXPECT_EQ(b.tokens, tokens);
    EXPECT_EQ(a.masked, masked);
    EXPECT_EQ(b.masked, masked);
    EXPECT_EQ(a.first_micro_batch, 0u);
    EXPECT_EQ(b.first_micro_batch, a.micro_batches.size());
    EXPECT_EQ(a.total_micro_batches, a.micro_batches.size() + b.micro_batches.size());
  }
}

TEST(BatchStream, MasksAreNewInEveryEpochAndFixedInEvaluation) {
  const MadeSamples source(40);
  const Masker masker = make_masker();
  const auto rows = rows_of(source, &masker, stream_options(), 2);
  std::map<std::uint64_t, std::vector<std::int32_t>> first_epoch;
  int same = 0;
  for (const auto& [index, row] : rows) {
    if (index < 40) first_epoch[row.sample_id] = row.mask_positions;
    if (index >= 40) same += first_epoch[row.sample_id] == row.mask_positions ? 1 : 0;
  }
  EXPECT_LT(same, 20);  // short samples may agree by chance

  BatchStreamOptions options = stream_options();
  options.order = StreamOrder::sequential;
  EXPECT_EQ(rows_of(source, &masker, options, 2), rows_of(source, &masker, options, 2));
}

TEST(BatchStream, SequentialGivesTheFirstSamplesInOrderAndEnds) {
  const MadeSamples source(150);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.order = StreamOrder::sequential;
  options.sample_limit = 90;
  BatchStream stream(source, &masker, options);

  EXPECT_EQ(stream.next()->samples, 40);
  EXPECT_EQ(stream.next()->samples, 40);
  const StepBatches last = stream.next().value();
  EXPECT_EQ(last.samples, 10);
  EXPECT_EQ(last.next_index, 90u);
  EXPECT_FALSE(stream.next().has_value());
  EXPECT_FALSE(stream.next().has_value());
  for (const auto& [index, row] : rows_of(source, &masker, options, 9)) {
    EXPECT_EQ(row.sample_id, index);
  }
}

TEST(BatchStream, AnEvaluationRankMayHaveNothing) {
  const MadeSamples source(3);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.order = StreamOrder::sequential;
  options.world = 4;
  options.rank = 0;

  const StepBatches step = BatchStream(source, &masker, options).next().value();

  EXPECT_THAT(step.micro_batches, IsEmpty());
  EXPECT_EQ(step.samples, 3);
  EXPECT_EQ(rows_of(source, &masker, options, 1).size(), 3u);
}

// The first step of a phase tells whether the configuration has work for all; short samples later
// must not end a run.
TEST(BatchStream, OnlyTheFirstStepOfAPhaseMustHaveWorkForEveryRank) {
  const MadeSamples source(150);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.global_batch = 2;
  options.world = 3;
  options.start_index = 40;
  options.phase_start = 40;
  BatchStream first(source, &masker, options);
  EXPECT_THROW((void)first.next(), UsageError);

  options.phase_start = 0;
  std::size_t micro_batches = 0;
  for (options.rank = 0; options.rank < 3; ++options.rank) {
    const StepBatches step = BatchStream(source, &masker, options).next().value();
    EXPECT_EQ(step.leaf_ends, std::vector<std::size_t>{step.micro_batches.size()});
    EXPECT_EQ(step.samples, 2);
    micro_batches += step.micro_batches.size();
    EXPECT_LT(step.total_micro_batches, 3u);
  }
  EXPECT_GT(micro_batches, 0u);
}

TEST(BatchStream, StoredMasksAreUsedAsTheyAre) {
  const MadeSamples source(60, MaskTime::prepare);
  for (const auto& [index, row] : rows_of(source, nullptr, stream_options(), 1)) {
    EXPECT_THAT(row.mask_labels, ElementsAre(7, 8));
    EXPECT_EQ(row.next_sentence, row.sample_id % 2);
  }
}

TEST(BatchStream, LongSamplesAreCutBeforeMasking) {
  const MadeSamples drawn(60);
  const MadeSamples stored(60, MaskTime::prepare);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.max_length = 16;
  for (const SampleSource* source :
       {static_cast<const SampleSource*>(&drawn), static_cast<const SampleSource*>(&stored)}) {
    for (const auto& [index, row] : rows_of(*source, &masker, options, 1)) {
      EXPECT_LE(row.tokens.size(), 16u);
      EXPECT_EQ(row.tokens.front(), static_cast<std::int32_t>(kCls));
      EXPECT_EQ(row.tokens.back(), static_cast<std::int32_t>(kSep));
      EXPECT_LE(row.mask_positions.size(), 2u);  // round(16 * 0.15)
    }
  }
}

TEST(BatchStream, AnErrorComesAtItsTurn) {
  MadeSamples source(200);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.order = StreamOrder::sequential;
  options.threads = 2;
  source.broken_sample = 100;
  BatchStream stream(source, &masker, options);

  EXPECT_TRUE(stream.next().has_value());
  EXPECT_TRUE(stream.next().has_value());
  EXPECT_THROW(stream.next(), DataError);
  EXPECT_THROW(stream.next(), DataError);
}

TEST(BatchStream, StopsWhileItsThreadsAreBusy) {
  const MadeSamples source(5000);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.threads = 3;
  for (int i = 0; i < 20; ++i) BatchStream(source, &masker, options);
  SUCCEED();
}

TEST(BatchStream, TextThatHoldsSpecialTokensIsFoundOut) {
  MadeSamples source(60);
  source.special_inside = true;
  const Masker masker = make_masker();
  try {
    BatchStream(source, &masker, stream_options()).next();
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("[CLS] or [SEP] inside its text"));
  }
}

TEST(BatchStream, OptionsThatContradictEachOtherAreRefused) {
  MadeSamples source(60);
  const Masker masker = make_masker();
  const auto error = [&](const Masker* given, const auto& change) -> std::string {
    BatchStreamOptions options = stream_options();
    change(options);
    try {
      BatchStream stream(source, given, options);
      stream.next();
    } catch (const Error& failure) {
      return failure.what();
    }
    return "no error";
  };
  EXPECT_THAT(error(&masker, [](auto& options) { options.rank = 1; }), HasSubstr("rank 1 of 1"));
  EXPECT_THAT(error(&masker, [](auto& options) { options.global_batch = 0; }),
              HasSubstr("global_batch 0"));
  EXPECT_THAT(error(&masker, [](auto& options) { options.prefetch = 0; }), HasSubstr("prefetch 0"));
  EXPECT_THAT(error(&masker, [](auto& options) { options.capacities.tokens = 20; }),
              HasSubstr("raise parallel.micro_batch.tokens"));
  EXPECT_THAT(error(nullptr, [](auto&) {}), HasSubstr("a vocabulary is needed"));
  source.properties_.vocabulary_size = 499;
  EXPECT_THAT(error(&masker, [](auto&) {}), HasSubstr("499 entries, this run's has 500"));
  source.properties_.vocabulary_size = 0;
  source.properties_.cutting = Cutting::refused;
  EXPECT_THAT(error(&masker, [](auto& options) { options.max_length = 32; }),
              HasSubstr("cannot be cut to 32"));
  source.properties_.samples = 0;
  EXPECT_THAT(error(&masker, [](auto&) {}), HasSubstr("no samples"));
}
}  // namespace
}  // namespace bertyard
