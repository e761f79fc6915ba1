// SPDX-License-Identifier: Apache-2.0
#include "parallel/collective_watch.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard::testing {
namespace {

using Seconds = ControlPlane::Seconds;

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::string reason_of(const CollectiveWatch& watch) {
  try {
    watch.check();
    return {};
  } catch (const EnvironmentError& error) {
    return error.what();
  }
}

TEST(CollectiveWatch, SaysNothingWhileCollectivesEnd) {
  std::atomic<int> asked = 0;
  CollectiveWatch watch(
      Seconds(0.001), [] { return std::string(); }, [] { FAIL() << "nothing to abort"; });
  watch.add("all_reduce_sum", [&] {
    ++asked;
    return true;
  });

  EXPECT_TRUE(comes_true([&] { return asked > 0; }));
  EXPECT_EQ(reason_of(watch), "");
}

TEST(CollectiveWatch, AnOverdueCollectiveIsAbortedAndNamed) {
  std::atomic<bool> aborted = false;
  CollectiveWatch watch(
      Seconds(0.05), [] { return std::string(); }, [&] { aborted = true; });
  watch.add("all_reduce_sum f32 [12]", [] { return false; });

  EXPECT_TRUE(comes_true([&] { return aborted.load(); }));
  EXPECT_TRUE(comes_true([&] { return watch.failed(); }));
  EXPECT_EQ(reason_of(watch),
            "communicator: all_reduce_sum f32 [12] was not done after 0 s; a rank has stopped or "
            "makes other calls: look at the end of the other ranks' logs");
}

TEST(CollectiveWatch, AFailureOfTheLibraryIsKept) {
  std::atomic<bool> aborted = false;
  CollectiveWatch watch(
      Seconds(600), [] { return std::string("NCCL: a link is gone"); }, [&] { aborted = true; });

  EXPECT_TRUE(comes_true([&] { return aborted.load(); }));
  EXPECT_TRUE(comes_true([&] { return watch.failed(); }));
  EXPECT_EQ(reason_of(watch), "NCCL: a link is gone");
}

TEST(CollectiveWatch, ADeviceThatAnswersWithAnErrorEndsTheWaitAndNotTheProcess) {
  std::atomic<bool> aborted = false;
  CollectiveWatch watch(
      Seconds(600), [] { return std::string(); }, [&] { aborted = true; });
  watch.add("all_reduce_sum", []() -> bool { throw EnvironmentError("CUDA: illegal access"); });

  EXPECT_TRUE(comes_true([&] { return aborted.load(); }));
  EXPECT_TRUE(comes_true([&] { return watch.failed(); }));
  EXPECT_EQ(reason_of(watch), "CUDA: illegal access");
}

}  // namespace
}  // namespace bertyard::testing
