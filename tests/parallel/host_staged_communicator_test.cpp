// SPDX-License-Identifier: Apache-2.0
#include "parallel/host_staged_communicator.h"

#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/base/error.h"
#include "parallel/single_communicator.h"
#include "parallel/thread_group.h"
#include "tests/parallel/device_collectives.h"

namespace bertyard::testing {
namespace {

TEST(HostStagedCommunicator, GivesTheBitsOfTheCommunicatorInside) {
  for (const int ranks : {1, 2, 3}) {
    ThreadGroup group(ranks);
    group.run([](Communicator& threads, ControlPlane& /*control*/) {
      const auto device = make_cpu_device({.threads = 1});
      const std::vector<float> expected = all_collectives(*device, threads, 1003);
      HostStagedCommunicator staged(*device, threads);

      for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(all_collectives(*device, staged, 1003), expected);
      }
    });
  }
}

TEST(HostStagedCommunicator, SaysHowTheRanksAreConnected) {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator single;
  const HostStagedCommunicator staged(*device, single);

  EXPECT_EQ(staged.name(), "host-staged single");
  EXPECT_EQ(staged.size(), 1);
}

TEST(HostStagedCommunicator, WhatTheOtherRanksThrowComesOutOfWait) {
  ThreadGroup group(2);
  const auto call = [](Communicator& threads, ControlPlane& /*control*/) {
    const auto device = make_cpu_device({.threads = 1});
    HostStagedCommunicator staged(*device, threads);
    const DeviceValues x(*device, values_of_rank(0, threads.rank() == 0 ? 4 : 5));
    staged.all_reduce_sum(x.view()).wait();
  };
  try {
    group.run(call);
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rank 0 calls 'all_reduce_sum f32 [4]' but rank 1"),
              std::string::npos)
        << error.what();
  }
}

TEST(HostStagedCommunicator, APendingGivenUpDoesNotStopTheNext) {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator single;
  HostStagedCommunicator staged(*device, single);
  const DeviceValues x(*device, {1, 2, 3});

  { const Pending dropped = staged.all_reduce_sum(x.view()); }
  staged.all_reduce_sum(x.view()).wait();

  EXPECT_EQ(x.values(), (std::vector<float>{1, 2, 3}));
}

}  // namespace
}  // namespace bertyard::testing
