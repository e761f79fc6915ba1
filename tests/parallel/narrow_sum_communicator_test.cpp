// SPDX-License-Identifier: Apache-2.0
#include "parallel/narrow_sum_communicator.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "parallel/host_staged_communicator.h"
#include "parallel/thread_group.h"
#include "tests/parallel/device_collectives.h"

namespace bertyard::testing {
namespace {

TEST(NarrowSumCommunicator, SumsToBFloatsPrecisionAndMovesTheRestAsItIs) {
  ThreadGroup group(3);
  group.run([](Communicator& threads, ControlPlane& /*control*/) {
    const auto device = make_cpu_device({.threads = 1});
    const std::vector<float> exact = all_collectives(*device, threads, 1003);
    NarrowSumCommunicator narrow(*device, threads);

    for (int round = 0; round < 2; ++round) {
      const std::vector<float> found = all_collectives(*device, narrow, 1003);
      ASSERT_EQ(found.size(), exact.size());
      // Sums are the first two results and the last two, those of parts, [3 * 1003] each.
      const std::size_t first_sums = 2 * 1003, last_sums = found.size() - 6 * 1003;
      bool rounded = false;
      for (std::size_t i = 0; i < found.size(); ++i) {
        // Three values and their sum, each off by 2^-9 relative at most.
        if (i < first_sums || i >= last_sums) {
          ASSERT_NEAR(found[i], exact[i], std::fabs(exact[i]) * 0x1p-7) << i;
          rounded = rounded || found[i] != exact[i];
        } else {
          ASSERT_EQ(found[i], exact[i]) << i;
        }
      }
      EXPECT_TRUE(rounded);
    }
  });
}

TEST(NarrowSumCommunicator, GivesTheSameBitsThroughTheHost) {
  ThreadGroup group(2);
  group.run([](Communicator& threads, ControlPlane& /*control*/) {
    const auto device = make_cpu_device({.threads = 1});
    NarrowSumCommunicator direct(*device, threads);
    const std::vector<float> expected = all_collectives(*device, direct, 64);
    HostStagedCommunicator staged(*device, threads);
    NarrowSumCommunicator narrow(*device, staged);

    EXPECT_EQ(all_collectives(*device, narrow, 64), expected);
  });
}

}  // namespace
}  // namespace bertyard::testing
