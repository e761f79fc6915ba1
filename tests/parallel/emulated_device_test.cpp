// SPDX-License-Identifier: Apache-2.0
// Collectives of the memory of emulated GPUs: streams run as late as CUDA allows, so an event that
// is missing between two of them shows.
#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/backend/update_ops.h"
#include "parallel/host_staged_communicator.h"
#include "parallel/narrow_sum_communicator.h"
#include "parallel/thread_group.h"
#include "tests/parallel/device_collectives.h"

namespace bertyard::testing {
namespace {

std::vector<float> on_cpu(Communicator& threads, bool narrow) {
  const auto cpu = make_cpu_device({.threads = 1});
  NarrowSumCommunicator narrowed(*cpu, threads);
  return narrow ? all_collectives(*cpu, narrowed, 203) : all_collectives(*cpu, threads, 203);
}

TEST(EmulatedDevice, HostStagedCollectivesEqualThoseOfTheCpu) {
  ThreadGroup group(3);
  group.run([](Communicator& threads, ControlPlane& /*control*/) {
    const std::vector<float> expected = on_cpu(threads, false);
    const std::vector<float> rounded = on_cpu(threads, true);
    const auto gpu = make_cuda_device({});
    HostStagedCommunicator staged(*gpu, threads);
    NarrowSumCommunicator narrow(*gpu, staged);

    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(all_collectives(*gpu, staged, 203), expected);
      EXPECT_EQ(all_collectives(*gpu, narrow, 203), rounded);
    }
  });
}

// The sum of what the compute stream has been given, and of nothing that it is given later.
TEST(EmulatedDevice, ACollectiveStandsBetweenEarlierAndLaterWork) {
  ThreadGroup group(2);
  group.run([](Communicator& threads, ControlPlane& /*control*/) {
    const auto gpu = make_cuda_device({});
    HostStagedCommunicator staged(*gpu, threads);
    const DeviceValues x(*gpu, {1, 2, 3});
    const DeviceValues one(*gpu, {1, 1, 1});

    gpu->update_ops().add(x.view(), one.view(), gpu->compute_stream());
    Pending sum = staged.all_reduce_sum(x.view());
    sum.wait();
    gpu->update_ops().add(x.view(), one.view(), gpu->compute_stream());

    EXPECT_EQ(x.values(), (std::vector<float>{5, 7, 9}));
  });
}

}  // namespace
}  // namespace bertyard::testing
