// SPDX-License-Identifier: Apache-2.0
#include "train/run_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

constexpr Amount steps(double value) {
  return {value, AmountUnit::steps};
}
constexpr Amount epochs(double value) {
  return {value, AmountUnit::epochs};
}

const RunPlan::DataFacts kFacts{.samples = 100, .lengths = {8, 16}};

std::vector<Phase> two_phases() {
  Phase first;
  first.until = epochs(0.5);
  first.max_length = 8;
  first.global_batch = 10;
  Phase second = first;
  second.until = epochs(2);
  second.max_length = 16;
  second.global_batch = 30;
  return {first, second};
}

TEST(RunPlan, CountsEpochsInSamplesOfAllPhases) {
  const RunPlan plan(two_phases(), epochs(0.3), kFacts);

  ASSERT_EQ(plan.phases().size(), 2);
  EXPECT_EQ(plan.phases()[0].end_step, 5) << "50 samples of 10 a step";
  EXPECT_EQ(plan.phases()[1].end_step, 10) << "150 more of 30 a step";
  EXPECT_EQ(plan.phases()[1].first_index, 50);
  EXPECT_EQ(plan.total_steps(), 10);
  EXPECT_EQ(plan.warmup_steps(), 3);
}

TEST(ChooseCapacities, AnEighthOfAStepUpToWhatTheDeviceLikes) {
  const auto tokens = [](std::int64_t samples, std::int64_t most) {
    return choose_capacities({}, {samples, 128, 0, most}, {}).tokens;
  };
  EXPECT_EQ(tokens(256, 4096), 4096);
  EXPECT_EQ(tokens(256, 32768), 4096);
  EXPECT_EQ(tokens(8192, 4096), 4096);
  EXPECT_EQ(tokens(8192, 32768), 32768);
  EXPECT_EQ(tokens(16, 32768), 512);
  EXPECT_EQ(choose_capacities({.tokens = 640}, {8192, 128, 0, 32768}, {}).tokens, 640);
  EXPECT_EQ(choose_capacities({}, {8192, 128, 64, 32768}, {}).tokens, 8192);
}

TEST(RunPlan, AWarmUpThatNeverEndsIsRefused) {
  const std::string message =
      message_of<UsageError>([] { RunPlan(two_phases(), epochs(2), kFacts); });

  EXPECT_THAT(message, HasSubstr("optim.warmup comes to 10 steps, the run has only 10; give it a "
                                 "shorter warm-up"));
  EXPECT_THAT(message_of<UsageError>([] { RunPlan(two_phases(), steps(10), kFacts); }),
              HasSubstr("optim.warmup comes to 10 steps"));
}

TEST(RunPlan, APhaseThatEndsBeforeItBeginsIsRefused) {
  std::vector<Phase> phases = two_phases();
  phases[1].until = steps(5);

  EXPECT_THAT(message_of<UsageError>([&] { RunPlan(phases, steps(0), kFacts); }),
              HasSubstr("schedule.1.until comes to step 5, where the phase only begins at step 5"));
}

}  // namespace
}  // namespace bertyard
