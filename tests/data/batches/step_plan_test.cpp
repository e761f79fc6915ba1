// SPDX-License-Identifier: Apache-2.0
#include "data/batches/step_plan.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Lengths as prepare makes them: nine tenths full, the rest uniform.
std::vector<SampleLoad> bert_like(std::size_t count, std::uint32_t longest, std::uint64_t seed) {
  PhiloxSequence draws(seed, RandomPurpose::sample_building, 0, 0);
  std::vector<SampleLoad> loads;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t length = draws.next_unit() < 0.9 ? longest - draws.next_below(longest / 8)
                                                         : draws.next_in(5, longest);
    loads.push_back({length, std::max<std::int64_t>(1, length * 15 / 100)});
  }
  return loads;
}

std::string message_of(const std::vector<SampleLoad>& loads, MicroBatchCapacities capacities,
                       int ranks) {
  try {
    StepPlan(loads, capacities, {ranks});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(StepPlan, HoldsEverySampleOnceWithinTheCapacities) {
  const std::vector<SampleLoad> loads = bert_like(517, 128, 1);
  const MicroBatchCapacities capacities{1000, 9, 140};

  const StepPlan plan(loads, capacities, {4});

  std::vector<int> seen(loads.size(), 0);
  std::int64_t tokens = 0;
  std::int64_t masked = 0;
  for (const PlannedMicroBatch& batch : plan.micro_batches()) {
    std::int64_t batch_tokens = 0;
    std::int64_t batch_masked = 0;
    for (const std::uint32_t sample : batch.samples) {
      ++seen[sample];
      batch_tokens += loads[sample].tokens;
      batch_masked += loads[sample].masked;
    }
    EXPECT_EQ(batch.tokens, batch_tokens);
    EXPECT_EQ(batch.masked, batch_masked);
    EXPECT_LE(batch.tokens, capacities.tokens);
    EXPECT_LE(batch.masked, capacities.masked);
    EXPECT_LE(static_cast<std::int64_t>(batch.samples.size()), capacities.sequences);
    EXPECT_TRUE(std::is_sorted(batch.samples.begin(), batch.samples.end()));
    tokens += batch_tokens;
    masked += batch_masked;
  }
  EXPECT_THAT(seen, ::testing::Each(1));
  EXPECT_EQ(plan.samples(), 517);
  EXPECT_EQ(plan.tokens(), tokens);
  EXPECT_EQ(plan.masked(), masked);
}

TEST(StepPlan, ThePlanDoesNotDependOnTheRanks) {
  const std::vector<SampleLoad> loads = bert_like(300, 128, 2);
  const MicroBatchCapacities capacities{1024, 64, 200};
  const StepPlan one(loads, capacities, {1});
  const StepPlan four(loads, capacities, {4});

  ASSERT_EQ(one.micro_batches().size(), four.micro_batches().size());
  std::size_t next = 0;
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(four.first_of_rank(rank), next);
    for (const PlannedMicroBatch& batch : four.of_rank(rank)) {
      EXPECT_EQ(batch.samples, one.micro_batches()[next++].samples);
    }
  }
  EXPECT_EQ(next, one.micro_batches().size());
}

TEST(StepPlan, RanksGetEqualNumbersOfMicroBatchesButOne) {
  const std::vector<SampleLoad> loads(10, SampleLoad{10, 1});
  const StepPlan plan(loads, {10, 1, 1}, {4});

  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_GE(plan.of_rank(rank).size(), 2u);
    EXPECT_LE(plan.of_rank(rank).size(), 3u);
  }
}

TEST(StepPlan, UsesNoMoreMicroBatchesThanTheTokensNeed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<SampleLoad> loads = bert_like(1024, 128, seed);
    const StepPlan plan(loads, {4096, 256, 1000}, {1});

    const auto needed = static_cast<std::size_t>((plan.tokens() + 4095) / 4096);
    EXPECT_EQ(plan.micro_batches().size(), needed) << seed;
  }
}

TEST(StepPlan, WastesUnderThreePercentOnAverageWhereTheCapacityFitsTheBatch) {
  // 2,048 samples of about 114 tokens: 16 micro-batches of 14,700 tokens hold them.
  double used = 0;
  double room = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<SampleLoad> loads = bert_like(2048, 128, seed);
    const StepPlan plan(loads, {14900, 256, 4000}, {2});
    ASSERT_GE(plan.micro_batches().size(), 16u);
    used += static_cast<double>(plan.tokens());
    room += 14900.0 * static_cast<double>(plan.micro_batches().size());
  }
  EXPECT_LT(1 - used / room, 0.03);
}

TEST(StepPlan, EvensOutTheMicroBatches) {
  const std::vector<SampleLoad> loads = bert_like(1000, 128, 3);
  const StepPlan plan(loads, {60000, 1000, 20000}, {2});

  ASSERT_EQ(plan.micro_batches().size(), 2u);
  EXPECT_NEAR(static_cast<double>(plan.micro_batches()[0].tokens),
              static_cast<double>(plan.micro_batches()[1].tokens), 128);
}

TEST(StepPlan, FewerMicroBatchesThanRanksIsAnErrorWithTheNumbers) {
  const std::vector<SampleLoad> loads(32, SampleLoad{100, 15});

  EXPECT_THAT(message_of(loads, {4096, 64, 1000}, 2),
              AllOf(HasSubstr("32 samples of 3200 tokens make 1 micro-batch"),
                    HasSubstr("fewer than the 2 ranks"),
                    HasSubstr("lower parallel.micro_batch.tokens to about 1600")));
  EXPECT_NO_THROW(StepPlan(loads, {4096, 64, 1000}, {2}, IdleRanks::allow));
}

TEST(StepPlan, ASampleBeyondACapacityIsAnErrorWithTheNumbers) {
  const std::vector<SampleLoad> loads{{100, 15}, {300, 45}};

  EXPECT_THAT(message_of(loads, {256, 8, 100}, 1),
              AllOf(HasSubstr("sample 1 of the step has 300 tokens"),
                    HasSubstr("parallel.micro_batch.tokens to at least 300")));
  EXPECT_THAT(message_of(loads, {512, 8, 40}, 1),
              HasSubstr("parallel.micro_batch.masked to at least 45"));
  EXPECT_THAT(message_of(loads, {512, 0, 40}, 1), HasSubstr("expected all above 0"));
}

TEST(StepPlan, LeavesAreDealtWholeAndTheSameForAnyNumberOfRanks) {
  const std::vector<SampleLoad> loads(64, {100, 10});
  const auto leaf_starts = [&](int ranks) {
    const StepPlan plan(loads, {300, 256, 1000}, {ranks, 12});
    std::vector<std::size_t> starts;
    for (int rank = 0; rank < ranks; ++rank) {
      std::size_t start = plan.first_of_rank(rank);
      for (const std::size_t end : plan.group_ends(rank)) {
        starts.push_back(start);
        start = plan.first_of_rank(rank) + end;
      }
      EXPECT_EQ(start, plan.first_of_rank(rank) + plan.of_rank(rank).size());
    }
    return starts;
  };

  const std::vector<std::size_t> alone = leaf_starts(1);

  EXPECT_EQ(alone.size(), 12u);
  for (const int ranks : {2, 3, 4, 5, 6, 12}) EXPECT_EQ(leaf_starts(ranks), alone) << ranks;
}

TEST(StepPlan, FewerMicroBatchesThanLeavesAreRefused) {
  const std::vector<SampleLoad> loads(8, {100, 10});

  EXPECT_THAT(
      [&] {
        StepPlan(loads, {200, 256, 1000}, {2, 8});
      },
      ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr(
          "fewer than the 8 leaves; lower parallel.micro_batch.tokens to about 100, raise "
          "the phase's global_batch, or lower parallel.leaves")));
}

}  // namespace
}  // namespace bertyard
