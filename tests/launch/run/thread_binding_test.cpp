// SPDX-License-Identifier: Apache-2.0
#include "launch/run/thread_binding.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace bertyard {
namespace {

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  return CPU_COUNT(&set);
}

std::string bind_for_gpu(const std::string& pci_bus) {
  SingleControlPlane control;
  DeviceInfo gpu;
  gpu.kind = DeviceKind::cuda;
  gpu.pci_bus = pci_bus;
  return bind_threads(ThreadBinding::automatic, gpu, control);
}

// A launcher that gave a rank all cores of a host or some of them: its threads may use them all,
// and so may those that it starts later.
TEST(ThreadBinding, ARankOnAGpuIsNotBoundToOneCore) {
  const int before = usable_cpus();

  EXPECT_THAT(bind_for_gpu("ffff:ff:1f.0"),
              ::testing::MatchesRegex("on any of [0-9]+ cores: which are beside the GPU is not "
                                      "known"));

  EXPECT_EQ(usable_cpus(), before);
  std::thread([before] { EXPECT_EQ(usable_cpus(), before); }).join();
}

}  // namespace
}  // namespace bertyard
