// SPDX-License-Identifier: Apache-2.0
#include "data/samples/next_tokens.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/made_samples.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

BatchStreamOptions next_options() {
  BatchStreamOptions options = stream_options();
  options.targets = TokenTargets::next;
  options.capacities = {256, 16, 256};
  return options;
}

TEST(NextTokens, EveryTokenButTheLastPredictsTheOneAfterIt) {
  StoredSample sample;
  sample.tokens = {1, 40, 41, 2, 42, 2};

  predict_next_tokens(sample);

  EXPECT_THAT(sample.mask_positions, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(sample.mask_labels, ElementsAre(40, 41, 2, 42, 2));
  EXPECT_THAT(sample.tokens, ElementsAre(1, 40, 41, 2, 42, 2));
}

TEST(Neighbours, ATokenPredictsTheOneAfterItAndTheOneBeforeIt) {
  StoredSample sample, single;
  sample.tokens = {1, 40, 41, 2};
  single.tokens = {1};

  predict_neighbours(sample);
  predict_neighbours(single);

  EXPECT_THAT(sample.mask_positions, ElementsAre(0, 2, 3, 4, 5, 7));
  EXPECT_THAT(sample.mask_labels, ElementsAre(40, 41, 1, 2, 40, 41));
  EXPECT_THAT(sample.tokens, ElementsAre(1, 40, 41, 2));
  EXPECT_TRUE(single.mask_positions.empty());
}

// Rows of a whole batch are counted two a token: those of its second sequence too.
TEST(Neighbours, ABatchHasTwoRowsForEachToken) {
  const MadeSamples source(100, MaskTime::prepare);
  BatchStreamOptions options = next_options();
  options.targets = TokenTargets::neighbours;
  options.capacities.masked = 512;
  options.max_length = 20;
  BatchStream stream(source, nullptr, options);

  const StepBatches step = stream.next().value();

  EXPECT_EQ(step.masked, 2 * (step.tokens - step.samples));
  for (const Batch& batch : step.micro_batches) {
    ASSERT_GT(batch.sequence_count(), 1);
    std::size_t at = 0;
    for (std::size_t n = 0; n + 1 < batch.cu_seqlens.size(); ++n) {
      const std::int32_t begin = batch.cu_seqlens[n], end = batch.cu_seqlens[n + 1];
      EXPECT_LE(end - begin, 20);
      const auto expect_row = [&](std::int32_t row, std::int32_t token) {
        ASSERT_LT(at, batch.masked_rows.size());
        EXPECT_EQ(batch.masked_rows[at], row);
        EXPECT_EQ(batch.masked_labels[at++], batch.tokens[static_cast<std::size_t>(token)]);
      };
      for (std::int32_t t = begin; t < end; ++t) {
        if (t + 1 < end) expect_row(2 * t, t + 1);
        if (t > begin) expect_row(2 * t + 1, t - 1);
      }
    }
    EXPECT_EQ(at, batch.masked_rows.size());
  }
}

TEST(NextTokens, StoredMasksAreTakenBack) {
  StoredSample sample;
  sample.tokens = {1, 3, 41, 3, 2};
  sample.mask_positions = {1, 3};
  sample.mask_labels = {40, 42};

  take_masks_back(sample);

  EXPECT_THAT(sample.tokens, ElementsAre(1, 40, 41, 42, 2));
  EXPECT_TRUE(sample.mask_positions.empty());
  EXPECT_TRUE(sample.mask_labels.empty());
}

// The next tokens of a row, as a batch has them.
void expect_next(const Row& row) {
  std::vector<std::int32_t> places(row.tokens.size() - 1);
  std::iota(places.begin(), places.end(), 0);
  EXPECT_EQ(row.mask_positions, places);
  EXPECT_EQ(row.mask_labels, std::vector<std::int32_t>(row.tokens.begin() + 1, row.tokens.end()));
}

TEST(NextTokens, ABatchHoldsTheOriginalTokensAndNoMask) {
  for (const MaskTime masks : {MaskTime::training, MaskTime::prepare}) {
    const MadeSamples source(100, masks);
    for (const auto& [index, row] : rows_of(source, nullptr, next_options(), 2)) {
      StoredSample stored;
      source.read(row.sample_id, stored);
      take_masks_back(stored);
      EXPECT_EQ(row.tokens, std::vector<std::int32_t>(stored.tokens.begin(), stored.tokens.end()));
      expect_next(row);
    }
  }
}

// Where a sample is cut, another token is next.
TEST(NextTokens, ACutSampleIsCutFirst) {
  const MadeSamples source(100, MaskTime::prepare);
  BatchStreamOptions options = next_options();
  options.max_length = 20;

  for (const auto& [index, row] : rows_of(source, nullptr, options, 2)) {
    EXPECT_LE(row.tokens.size(), 20u);
    expect_next(row);
  }
}

TEST(NextTokens, WhatASampleBringsDoesNotDependOnRanksOrCapacities) {
  const MadeSamples source(150);
  BatchStreamOptions options = next_options();
  const auto reference = rows_of(source, nullptr, options, 4);
  options.world = 3;
  options.capacities = {400, 30, 400};

  EXPECT_EQ(rows_of(source, nullptr, options, 4), reference);
}

TEST(NextTokens, AStepCountsWhatItPredicts) {
  const MadeSamples source(100);
  BatchStream stream(source, nullptr, next_options());

  const StepBatches step = stream.next().value();

  EXPECT_EQ(step.masked, step.tokens - step.samples);
}

class HoledSamples final : public MadeSamples {
 public:
  using MadeSamples::MadeSamples;
  void read(std::uint64_t index, StoredSample& sample) const override {
    MadeSamples::read(index, sample);
    if (index != 3) return;
    sample.key_mask.assign(sample.tokens.size(), 0);
    sample.key_mask[2] = 1;
  }
};

TEST(NextTokens, ASampleWithHolesIsRefusedByName) {
  const HoledSamples source(20);
  BatchStreamOptions options = next_options();
  options.order = StreamOrder::sequential;
  options.capacities.masked = 512;
  const auto message = [&](TokenTargets targets) -> std::string {
    options.targets = targets;
    try {
      BatchStream(source, nullptr, options).next();
      return "a sample with holes was taken";
    } catch (const DataError& error) {
      return error.what();
    }
  };

  EXPECT_THAT(message(TokenTargets::next),
              AllOf(HasSubstr("made: sample 3 has holes in its input_mask"),
                    HasSubstr("model.attention: causal needs samples without")));
  EXPECT_THAT(message(TokenTargets::neighbours),
              AllOf(HasSubstr("made: sample 3 has holes in its input_mask"),
                    HasSubstr("model.type: elmo needs samples without")));
}

}  // namespace
}  // namespace bertyard
