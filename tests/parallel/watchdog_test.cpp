// SPDX-License-Identifier: Apache-2.0
// The watchdog of one process: its thread, its socket and its report. Several processes are in
// tests/launch/run_watch_test.cpp.
#include "parallel/watchdog.h"

#include <atomic>
#include <cstdlib>
#include <span>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parallel/datagram_socket.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DatagramSocket, ReachesItselfAndParsesOnlyAddresses) {
  const DatagramSocket socket;
  const auto own = DatagramSocket::parse(socket.addresses(), true);
  ASSERT_THAT(own, SizeIs(1));
  const std::string text = "pulse";
  socket.send(std::as_bytes(std::span(text.data(), text.size())), own);
  std::byte bytes[16];

  EXPECT_EQ(socket.receive(bytes, 2000ms), text.size());
  EXPECT_EQ(socket.receive(bytes, 0ms), 0u);
  EXPECT_THAT(DatagramSocket::parse("77 nonsense 1.2.3 10.0.0.1", false), SizeIs(1));
  EXPECT_THAT(DatagramSocket::parse("", true), IsEmpty());
}

// Ends with the code 3 that `end_job` chose, having said where it was.
[[noreturn]] void run_stuck() {
  const testing::TemporaryDirectory directory;
  SingleControlPlane control;
  Pulse pulse;
  pulse.step_done(12);
  pulse.enter(RankPhase::data);
  const Watchdog watchdog({{1s, 60s}, {"here"}, directory.path()}, control, pulse,
                          [](const std::string&) { std::_Exit(3); });
  for (;;) std::this_thread::sleep_for(1h);
}

TEST(WatchdogDeathTest, ReportsAProcessThatGoesNoFurther) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(run_stuck(), ::testing::ExitedWithCode(3),
              "rank 0 on here .* makes no progress for 1\\.[0-9] s: after step 12, in data");
}

TEST(Watchdog, KeepsQuietWhileThereIsProgressAndEndsAtOnce) {
  const testing::TemporaryDirectory directory;
  SingleControlPlane control;
  Pulse pulse;
  std::atomic<bool> called{false};
  const auto start = std::chrono::steady_clock::now();
  {
    const Watchdog watchdog({{1s, 60s}, {"here"}, directory.path()}, control, pulse,
                            [&](const std::string&) { called = true; });
    pulse.enter(RankPhase::forward);
    for (int i = 0; i < 20; ++i) {
      pulse.tick();
      std::this_thread::sleep_for(100ms);
    }
  }
  EXPECT_FALSE(called);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
}  // namespace bertyard
