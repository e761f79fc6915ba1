// SPDX-License-Identifier: Apache-2.0
#include "parallel/flight_recorder.h"

#include <csignal>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "parallel/pulse.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using testing::TemporaryDirectory;

TEST(FlightRecorder, SurvivesSigkill) {
  const TemporaryDirectory directory;
  const auto path = directory / flight_file_name(3);
  const pid_t child = ::fork();
  if (child == 0) {
    FlightRecorder recorder(path, {3, "node7"});
    Pulse pulse;
    pulse.record_in(&recorder);
    pulse.step_done(41);
    pulse.enter(RankPhase::backward);
    pulse.collective("all_reduce_sum", 4096);
    pulse.signal(SIGUSR1);
    std::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);

  const FlightRecord record = read_flight_record(path);

  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(record.rank, 3);
  EXPECT_EQ(record.host, "node7");
  EXPECT_EQ(record.process, child);
  ASSERT_EQ(record.events.size(), 3u);
  EXPECT_EQ(record.events[0].phase, RankPhase::backward);
  EXPECT_EQ(record.events[1].kind, FlightKind::collective);
  EXPECT_STREQ(record.events[1].text, "all_reduce_sum");
  EXPECT_EQ(record.events[1].amount, 4096u);
  EXPECT_EQ(record.events[1].step, 41);
  EXPECT_EQ(record.events[2].amount, static_cast<std::uint64_t>(SIGUSR1));
}

TEST(FlightRecorder, KeepsTheLastEventsInOrderAndTheFormerFile) {
  const TemporaryDirectory directory;
  const auto path = directory / flight_file_name(0);
  { FlightRecorder(path, {0, "first"}).add(FlightKind::note, RankPhase::data, 1, 0, "early"); }
  {
    FlightRecorder recorder(path, {0, "second"});
    for (int i = 0; i < 3000; ++i) {
      recorder.add(FlightKind::note, RankPhase::data, i, 0, "a text that is longer than its room");
    }
  }

  const FlightRecord record = read_flight_record(path);

  ASSERT_EQ(record.events.size(), FlightRecorder::kEvents);
  EXPECT_EQ(record.events.front().step, 3000 - 1024);
  EXPECT_EQ(record.events.back().step, 2999);
  EXPECT_STREQ(record.events.back().text, "a text that is longer than it");
  EXPECT_EQ(read_flight_record(path.string() + ".previous").host, "first");
}

TEST(FlightRecorder, AnyBytesAreAnErrorOrARecord) {
  const TemporaryDirectory directory;
  const auto path = directory / flight_file_name(0);
  { FlightRecorder(path, {0, "host"}).add(FlightKind::note, RankPhase::data, 1, 0, "x"); }
  std::ifstream file(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 20; ++k) bytes[random() % 400] = static_cast<char>(random());
    if (i % 4 == 0) bytes.resize(random() % bytes.size());
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      (void)read_flight_record(path);
    } catch (const DataError&) {
    }
  }
  std::ofstream(path, std::ios::binary) << "short";
  EXPECT_THROW((void)read_flight_record(path), DataError);
}

TEST(FlightRecorder, SaysWhereThereIsNoRoom) {
  EXPECT_THROW(FlightRecorder("/dev/full/rank", {0, "host"}), IoError);
}

}  // namespace
}  // namespace bertyard
