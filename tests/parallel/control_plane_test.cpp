// SPDX-License-Identifier: Apache-2.0
#include "parallel/control_plane.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

TEST(ControlPlane, AgreesOnNumbersAndTexts) {
  ThreadGroup group(3);

  group.run([](Communicator&, ControlPlane& control) {
    const int rank = control.rank();
    constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(control.agree_max("stop", 10 - rank), 10);
    EXPECT_EQ(control.agree_min("stop", 10 - rank), 8);
    EXPECT_EQ(control.agree_min("stop", rank == 1 ? kLeast : 0), kLeast);
    EXPECT_EQ(control.broadcast_string("run id", "id " + std::to_string(rank)), "id 0");
    const auto hosts = control.gather_strings("hosts", "n" + std::to_string(rank));
    if (rank == 0) {
      EXPECT_THAT(hosts, ElementsAre("n0", "n1", "n2"));
    } else {
      EXPECT_THAT(hosts, IsEmpty());
    }
    control.barrier("end", ControlPlane::Seconds(30));
  });
}

TEST(ControlPlane, NamesTheRanksThatDiffer) {
  ThreadGroup group(4);

  group.run([](Communicator&, ControlPlane& control) {
    const int rank = control.rank();
    EXPECT_THAT(control.ranks_that_differ("hash", "same"), IsEmpty());
    EXPECT_THAT(control.ranks_that_differ("hash", rank == 0 ? "odd" : "same"), ElementsAre(0));
    // Two against two: rank 0's value counts.
    EXPECT_THAT(control.ranks_that_differ("hash", rank % 2 == 0 ? "z" : "a"), ElementsAre(1, 3));
  });
}

TEST(ControlPlane, SaysWhoIsMissingWhenTheTimeIsUp) {
  ThreadGroup group(3);
  ControlPlane& control = group.control_plane(0);

  EXPECT_THAT(
      [&] { control.barrier("start-up", ControlPlane::Seconds(0.05)); },
      ThrowsMessage<EnvironmentError>(AllOf(HasSubstr("1 of 3 ranks reached 'start-up' in 0.05 s"),
                                            HasSubstr("missing: rank 1, rank 2"))));
  EXPECT_THAT([&] { control.agree_max("stop", 1); },
              ThrowsMessage<EnvironmentError>(
                  HasSubstr("'stop' cannot be agreed on: the ranks are out of step since "
                            "'start-up' failed")));
}

TEST(ControlPlane, TheTimeLimitHoldsForAgreementsToo) {
  ThreadGroup group(2);
  group.control_plane(0).set_time_limit(ControlPlane::Seconds(0.05));

  EXPECT_THAT([&] { group.control_plane(0).agree_max("stop", 1); },
              ThrowsMessage<EnvironmentError>(HasSubstr("reached 'stop' in 0.05 s")));
}

TEST(SingleControlPlane, AgreesWithItself) {
  SingleControlPlane control;

  EXPECT_EQ(control.agree_max("a", -3), -3);
  EXPECT_EQ(control.agree_min("a", -3), -3);
  EXPECT_THAT(control.ranks_that_differ("a", "x"), IsEmpty());
  EXPECT_EQ(control.broadcast_string("a", "x"), "x");
  EXPECT_THAT(control.gather_strings("a", "x"), ElementsAre("x"));
  control.barrier("a", ControlPlane::Seconds(0));
}

}  // namespace
}  // namespace bertyard
