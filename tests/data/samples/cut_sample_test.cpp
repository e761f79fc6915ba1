// SPDX-License-Identifier: Apache-2.0
#include "data/samples/cut_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

using ::testing::ElementsAre;

TEST(CutSample, KeepsTheFormAndMovesTheMasks) {
  // [CLS] a a a a a [SEP] b b [SEP] to 8 tokens: A 3, B 2.
  StoredSample sample{.tokens = {1, 10, 11, 12, 13, 14, 2, 20, 21, 2},
                      .segments = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1},
                      .key_mask = {0, 0, 0, 1, 0, 0, 0, 0, 1, 0},
                      .mask_positions = {1, 3, 5, 8},
                      .mask_labels = {100, 101, 102, 103},
                      .a_length = 7,
                      .is_random_next = true,
                      .task_labels = {},
                      .task_values = {}};

  cut_sample(sample, 8);

  EXPECT_THAT(sample.tokens, ElementsAre(1, 10, 11, 12, 2, 20, 21, 2));
  EXPECT_THAT(sample.segments, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(sample.key_mask, ElementsAre(0, 0, 0, 1, 0, 0, 1, 0));
  EXPECT_THAT(sample.mask_positions, ElementsAre(1, 3, 6));
  EXPECT_THAT(sample.mask_labels, ElementsAre(100, 101, 103));
  EXPECT_EQ(sample.a_length, 5);
  EXPECT_TRUE(sample.is_random_next);
}

TEST(CutSample, OneSegmentLosesItsEnd) {
  StoredSample sample;
  sample.tokens = {1, 10, 11, 12, 13, 2};
  sample.segments = {0, 0, 0, 0, 0, 0};
  sample.mask_positions = {2, 4};
  sample.mask_labels = {100, 101};
  sample.a_length = 6;

  cut_sample(sample, 5);

  EXPECT_THAT(sample.tokens, ElementsAre(1, 10, 11, 12, 2));
  EXPECT_THAT(sample.mask_positions, ElementsAre(2));
  EXPECT_EQ(sample.a_length, 5);
}

TEST(CutSample, AShortSampleStaysAsItIs) {
  StoredSample sample;
  sample.tokens = {1, 10, 2};
  sample.segments = {0, 0, 0};
  sample.a_length = 3;

  cut_sample(sample, 3);

  EXPECT_THAT(sample.tokens, ElementsAre(1, 10, 2));
}

}  // namespace
}  // namespace bertyard
