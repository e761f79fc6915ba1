// SPDX-License-Identifier: Apache-2.0
#include "parallel/rank_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

using std::chrono::seconds;
using Finding = RankWatch::Finding;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Three ranks, limits of 10 s and 100 s; a clock that the test moves.
class RankWatchTest : public ::testing::Test {
 protected:
  void hear(int rank, std::int64_t step, std::uint64_t collective, RankPhase phase) {
    watch_.heard(rank, {step, collective, ++ticks_, phase}, now_);
    last_[rank] = {step, collective, ticks_, phase};
  }
  // A heartbeat that says the same as the one before.
  void repeat(int rank) { watch_.heard(rank, last_[rank], now_); }
  void pass(int time) { now_ += seconds(time); }
  std::vector<int> named(Finding::Kind kind) const {
    std::vector<int> ranks;
    for (const Finding& finding : watch_.judge(now_)) {
      EXPECT_EQ(finding.kind, kind);
      ranks.push_back(finding.rank);
    }
    return ranks;
  }

  RankWatch watch_{3, {seconds(10), seconds(100)}};
  RankWatch::Clock::time_point now_{};
  Pulse::Reading last_[3];
  std::uint64_t ticks_ = 0;
};

TEST_F(RankWatchTest, NamesTheRankThatIsSilent) {
  for (int rank = 0; rank < 3; ++rank) hear(rank, 5, 50, RankPhase::forward);
  pass(9);
  hear(0, 6, 60, RankPhase::forward);
  hear(2, 6, 60, RankPhase::forward);
  EXPECT_THAT(watch_.judge(now_), IsEmpty());
  pass(2);

  EXPECT_THAT(named(Finding::Kind::silent), ElementsAre(1));
  EXPECT_EQ(watch_.judge(now_)[0].last.step, 5);
  EXPECT_EQ(watch_.judge(now_)[0].seconds, 11);
}

TEST_F(RankWatchTest, NamesTheRankThatTheOthersWaitFor) {
  hear(0, 5, 51, RankPhase::reduce);
  hear(1, 5, 50, RankPhase::backward);
  hear(2, 5, 51, RankPhase::reduce);
  pass(11);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);

  EXPECT_THAT(named(Finding::Kind::stuck), ElementsAre(1));
}

TEST_F(RankWatchTest, NamesAllThatHangInOneCollective) {
  for (int rank = 0; rank < 3; ++rank) hear(rank, 5, 51, RankPhase::reduce);
  pass(11);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);

  EXPECT_THAT(named(Finding::Kind::stuck), ElementsAre(0, 1, 2));
}

TEST_F(RankWatchTest, WaitingForASlowCheckpointIsNoHang) {
  hear(0, 5, 50, RankPhase::checkpoint);
  hear(1, 5, 51, RankPhase::reduce);
  hear(2, 5, 51, RankPhase::reduce);
  for (int i = 0; i < 9; ++i) {
    pass(10);
    for (int rank = 0; rank < 3; ++rank) repeat(rank);
    EXPECT_THAT(watch_.judge(now_), IsEmpty());
  }
  pass(11);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);

  EXPECT_THAT(named(Finding::Kind::stuck), ElementsAre(0));
}

TEST_F(RankWatchTest, ALateRankThatGoesOnIsNoHang) {
  hear(0, 5, 51, RankPhase::reduce);
  hear(2, 5, 51, RankPhase::reduce);
  for (int i = 0; i < 30; ++i) {
    pass(1);
    repeat(0);
    repeat(2);
    hear(1, 5, 50, RankPhase::forward);
  }

  EXPECT_THAT(watch_.judge(now_), IsEmpty());
}

TEST_F(RankWatchTest, RanksAtTheirEndOrNeverHeardAreNotJudged) {
  hear(0, 5, 51, RankPhase::end);
  hear(1, 6, 60, RankPhase::forward);
  pass(20);
  hear(1, 7, 70, RankPhase::forward);

  EXPECT_THAT(watch_.judge(now_), IsEmpty());
  EXPECT_THAT(watch_.unheard(), ElementsAre(2));
}

TEST_F(RankWatchTest, ForgivesWhatItSlept) {
  for (int rank = 0; rank < 3; ++rank) hear(rank, 5, 50, RankPhase::forward);
  pass(60);
  watch_.forgive(now_);

  EXPECT_THAT(watch_.judge(now_), IsEmpty());
}

// Ranks with shares of their own do not wait for each other within a stage.
TEST_F(RankWatchTest, NamesARankThatIsStuckInItsShareWhileOthersWork) {
  for (int rank = 0; rank < 3; ++rank) hear(rank, 1, 0, RankPhase::text);
  pass(9);
  hear(0, 1, 0, RankPhase::text);
  hear(2, 2, 0, RankPhase::wait);  // its share is done
  repeat(1);
  pass(2);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);

  EXPECT_THAT(named(Finding::Kind::stuck), ElementsAre(1));
}

TEST_F(RankWatchTest, LeavesRanksAloneThatWaitForOneThatMayTakeLong) {
  hear(0, 1, 0, RankPhase::corpus);
  hear(1, 2, 0, RankPhase::wait);
  hear(2, 2, 0, RankPhase::wait);
  pass(90);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);
  EXPECT_THAT(named(Finding::Kind::stuck), IsEmpty());

  pass(11);
  for (int rank = 0; rank < 3; ++rank) repeat(rank);
  EXPECT_THAT(named(Finding::Kind::stuck), ElementsAre(0));
}

}  // namespace
}  // namespace bertyard
