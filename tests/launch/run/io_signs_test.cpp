// SPDX-License-Identifier: Apache-2.0
#include "launch/run/io_signs.h"

#include <atomic>
#include <fstream>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

TEST(IoSigns, CountsWhatIsReadAndNothingElse) {
  if (!IoSigns::are_counted()) GTEST_SKIP() << "no /proc/self/io here";
  std::atomic<int> moved{0};
  const IoSigns signs([&moved] { ++moved; });
  const auto look = [&moved](std::chrono::milliseconds time) {
    moved = 0;
    std::this_thread::sleep_for(time);
    return moved.load();
  };

  const int idle = look(std::chrono::milliseconds(1500));
  moved = 0;
  std::ifstream("/proc/self/exe").get();
  std::this_thread::sleep_for(std::chrono::milliseconds(700));

  EXPECT_EQ(idle, 0);
  EXPECT_GE(moved.load(), 1);
}

}  // namespace
}  // namespace bertyard
