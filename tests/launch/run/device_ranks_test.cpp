// SPDX-License-Identifier: Apache-2.0
#include "launch/run/device_ranks.h"

#include <gtest/gtest.h>

#include "parallel/single_communicator.h"

namespace bertyard {
namespace {

TEST(DeviceRanks, OnACpuTheRanksAreJoinedAsTheyAre) {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator ranks;

  EXPECT_EQ(join_devices(*device, RunConfig(), ranks), nullptr);
}

TEST(DeviceRanks, NcclMayTakeAsLongAsTheConfigurationSays) {
  RunConfig config;
  config.launch.start_timeout = 17;
  config.watch.limit = {0, 40};

  EXPECT_EQ(nccl_options(config).start_limit.count(), 17);
  EXPECT_EQ(nccl_options(config).time_limit.count(), 1800);  // one rank may be saving
  config.watch.slow_limit = {0, 30};
  EXPECT_EQ(nccl_options(config).time_limit.count(), 40);
  config.watch.slow_limit = {};  // never
  EXPECT_EQ(nccl_options(config).time_limit, kNoTimeLimit);
  config.watch.slow_limit = {0, 30};
  config.watch.limit = {};
  EXPECT_EQ(nccl_options(config).time_limit, kNoTimeLimit);
}

}  // namespace
}  // namespace bertyard
