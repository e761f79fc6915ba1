// SPDX-License-Identifier: Apache-2.0
#include "train/loss_spike.h"

#include <limits>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

TEST(LossSpike, IsToldByTheMeanOfAFullWindow) {
  LossSpike spike({SpikeRule::skip, 2, 3});
  for (const double loss : {4.0, 5.0}) {
    EXPECT_FALSE(spike.is_spike(1000)) << "the window is not full";
    spike.remember(loss);
  }
  spike.remember(6);

  EXPECT_FALSE(spike.is_spike(10));  // exactly twice the mean of 5
  EXPECT_TRUE(spike.is_spike(10.001));
  spike.remember(9);  // the window is 5, 6, 9 now
  EXPECT_FALSE(spike.is_spike(13.3));
  EXPECT_TRUE(spike.is_spike(13.4));
  EXPECT_FALSE(spike.is_spike(std::numeric_limits<double>::quiet_NaN()))
      << "that is another rule's business";
}

TEST(LossSpike, GoesOnWhereItWasRestored) {
  LossSpike first({SpikeRule::skip, 2, 2});
  for (const double loss : {8.0, 1.0, 3.0}) first.remember(loss);
  LossSpike second({SpikeRule::skip, 2, 2});
  second.restore(first.losses());

  EXPECT_EQ(second.losses(), (std::vector<double>{1, 3}));
  EXPECT_TRUE(second.is_spike(4.1));
}

TEST(LossSpike, WithoutARuleThereIsNone) {
  LossSpike none({SpikeRule::none, 2, 1});
  none.remember(1);
  EXPECT_FALSE(none.is_spike(100));
  EXPECT_TRUE(none.losses().empty());
}

}  // namespace
}  // namespace bertyard
