// SPDX-License-Identifier: Apache-2.0
#include "launch/device_ranks.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/single_communicator.h"

namespace bertyard {
namespace {

TEST(DeviceRanks, OnACpuTheRanksAreJoinedAsTheyAre) {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator ranks;

  EXPECT_EQ(join_devices(*device, CommChoice::automatic, ranks), nullptr);
}

TEST(DeviceRanks, WhatJoinsGpusIsRefusedOnACpu) {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator ranks;
  for (const auto& [choice, name] :
       {std::pair(CommChoice::nccl, "nccl"), std::pair(CommChoice::host, "host")}) {
    try {
      static_cast<void>(join_devices(*device, choice, ranks));
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      const std::string text = error.what();
      EXPECT_EQ(text.find("parallel.comm: " + std::string(name) + " is for ranks on GPUs"), 0u);
      EXPECT_NE(text.find("; use auto"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace bertyard
