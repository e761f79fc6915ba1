// SPDX-License-Identifier: Apache-2.0
#include "parallel/roll_call.h"

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class RollCallTest : public ::testing::Test {
 protected:
  RollCall rank(int rank, const std::string& host) const {
    return RollCall({directory_ / "start", rank, 4, 2, host});
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(RollCallTest, NamesTheRanksThatAreMissingAndTheirHost) {
  rank(0, "n1").sign();
  rank(1, "n1").sign();
  rank(2, "n2").sign();

  EXPECT_EQ(rank(0, "n1").report(60), "3 of 4 ranks reached MPI in 60 s; missing: rank 3 on n2");
}

TEST_F(RollCallTest, NamesNoHostThatItCannotKnow) {
  rank(0, "n1").sign();
  rank(1, "n1").sign();

  EXPECT_THAT(rank(0, "n1").report(60), EndsWith("missing: rank 2, rank 3"));
}

TEST_F(RollCallTest, DoesNotCountFilesOfAnEarlierStart) {
  for (int i = 0; i < 4; ++i) rank(i, i < 2 ? "n1" : "n2").sign();
  EXPECT_THAT(rank(0, "n1").report(60), HasSubstr("all 4 ranks reached MPI"));
  const fs::path old = directory_ / "start" / "rank-00003";
  fs::last_write_time(old, fs::last_write_time(old) - std::chrono::hours(1));

  EXPECT_THAT(rank(0, "n1").report(60), EndsWith("missing: rank 3 on n2"));
}

TEST_F(RollCallTest, LeavesNothing) {
  rank(0, "n1").sign();
  rank(1, "n1").sign();
  rank(0, "n1").leave();
  rank(1, "n1").leave();

  EXPECT_FALSE(fs::exists(directory_ / "start"));
}

TEST_F(RollCallTest, WhoGivesUpFirstIsNotMissingToTheNext) {
  rank(1, "n1").sign();
  rank(2, "n2").sign();
  rank(0, "n1").sign();
  std::thread first([this] { rank(1, "n1").give_up(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));

  EXPECT_THAT(rank(0, "n1").report(60), EndsWith("missing: rank 3 on n2"));

  rank(0, "n1").give_up();
  EXPECT_FALSE(fs::exists(directory_ / "start"));
  first.join();
}

TEST_F(RollCallTest, SaysWhenItKnowsNothing) {
  EXPECT_THAT(RollCall({"/proc/absent", 0, 4, 2, "n1"}).report(60), HasSubstr("is not known"));
}

}  // namespace
}  // namespace bertyard
