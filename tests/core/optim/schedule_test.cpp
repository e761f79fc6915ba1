// SPDX-License-Identifier: Apache-2.0
#include "core/optim/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

// google-research/bert, optimization.py: linear decay from step 0, replaced below warm-up.
TEST(Schedule, GoogleWarmsUpFromZeroAndDecaysFromStepZero) {
  const ScheduleOptions options{.peak_rate = 1e-4, .warmup_steps = 10, .total_steps = 100};

  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 5), 0.5e-4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 0.9e-4);  // the small step down
  EXPECT_DOUBLE_EQ(learning_rate(options, 99), 1e-4 * (1.0 - 0.99));
  EXPECT_DOUBLE_EQ(learning_rate(options, 100), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1000), 0.0);
}

// DeepLearningExamples, schedulers.py, PolyWarmUpScheduler: BERT-Large phase 1.
TEST(Schedule, NvidiaCountsFromOneAndDecaysByTheSquareRoot) {
  const ScheduleOptions options{.peak_rate = 6e-3,
                                .warmup_steps = 2000,
                                .total_steps = 7038,
                                .decay = Decay::polynomial,
                                .form = ScheduleForm::nvidia};

  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 6e-3 / 2000);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1998), 6e-3 * 1999 / 2000);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1999), 6e-3 * std::sqrt(1.0 - 2000.0 / 7038.0));
  EXPECT_DOUBLE_EQ(learning_rate(options, 7037), 0.0);
}

TEST(Schedule, CosineEndsAtTheEndRate) {
  const ScheduleOptions options{
      .peak_rate = 1.0, .end_rate = 0.1, .total_steps = 100, .decay = Decay::cosine};

  EXPECT_DOUBLE_EQ(learning_rate(options, 50), 0.55);
  EXPECT_NEAR(learning_rate(options, 100), 0.1, 1e-15);
}

TEST(Schedule, ConstantStaysAtThePeak) {
  const ScheduleOptions options{
      .peak_rate = 1.0, .warmup_steps = 2, .total_steps = 10, .decay = Decay::constant};

  EXPECT_DOUBLE_EQ(learning_rate(options, 1), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(options, 9), 1.0);
}

}  // namespace
}  // namespace bertyard
