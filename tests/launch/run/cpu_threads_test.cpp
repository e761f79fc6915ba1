// SPDX-License-Identifier: Apache-2.0
#include "launch/run/cpu_threads.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

int share(int of_rank, int of_job, int ranks) {
  return share_of_cpus({.of_rank = of_rank, .of_job = of_job, .ranks_on_host = ranks});
}

TEST(CpuThreads, WhatIsWantedIsTaken) {
  EXPECT_EQ(cpu_threads(3, 100), 3);
}

TEST(CpuThreads, ABoundRankHasAllThatItIsBoundTo) {
  EXPECT_EQ(share(8, 64, 8), 8);
  EXPECT_EQ(share(4, 64, 2), 4);  // another program may have the rest
}

TEST(CpuThreads, UnboundRanksDivideWhatTheJobHas) {
  EXPECT_EQ(share(64, 64, 4), 16);
  EXPECT_EQ(share(4, 4, 4), 1);  // a container of four CPUs
  EXPECT_EQ(share(4, 4, 1), 4);
  EXPECT_EQ(share(2, 2, 6), 1);
}

TEST(CpuThreads, RanksThatShareASocketDivideToo) {
  EXPECT_EQ(share(32, 64, 8), 8);
}

TEST(CpuThreads, OnThisMachineRanksTogetherTakeNoMoreThanAll) {
  const int alone = cpu_threads(0, 1);

  EXPECT_GE(alone, 1);
  EXPECT_LE(2 * cpu_threads(0, 2), std::max(2, alone));
}

}  // namespace
}  // namespace bertyard
