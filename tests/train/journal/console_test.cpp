// SPDX-License-Identifier: Apache-2.0
#include "train/journal/console.h"

#include <cmath>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Progress example() {
  Progress p;
  p.run = "base-wiki";
  p.step = 12340;
  p.total_steps = 1'000'000;
  p.loss = 2.413;
  p.mlm_loss = 2.101;
  p.sentence_loss = 0.312;
  p.accuracy = 0.58;
  p.learning_rate = 9.9e-5;
  p.gradient_norm = 1.31;
  p.tokens_per_second = 412'345;
  p.flops_utilization = 0.51;
  p.data_fraction = 0.004;
  p.memory_gib = 61.2;
  p.memory_total_gib = 79.2;
  p.seconds_left = 2 * 86400 + 4 * 3600 + 100;
  return p;
}

// Collects what a console writes, under a clock that the test sets.
struct Screen {
  std::vector<std::string> writes;
  double seconds = 0;

  ConsoleTarget target(bool terminal) {
    ConsoleTarget target;
    target.write = [this](std::string_view text) { writes.emplace_back(text); };
    target.now = [this] { return seconds; };
    target.timestamp = [] { return std::string("2026-11-23T05:00:00Z"); };
    target.terminal = terminal;
    return target;
  }
};

TEST(ConsoleText, Numbers) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(12340), "12,340");
  EXPECT_EQ(grouped(110106428), "110,106,428");
  EXPECT_EQ(grouped(-1234), "-1,234");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(shortened(947), "947");
  EXPECT_EQ(shortened(999.7), "1.0k");
  EXPECT_EQ(shortened(4100), "4.1k");
  EXPECT_EQ(shortened(9960), "10k");
  EXPECT_EQ(shortened(412345), "412k");
  EXPECT_EQ(shortened(999'600), "1.0M");
  EXPECT_EQ(shortened(2.1e9), "2.1G");
  EXPECT_EQ(shortened(INFINITY), "?");
}

TEST(ConsoleText, Durations) {
  EXPECT_EQ(duration_text(45.2), "45s");
  EXPECT_EQ(duration_text(59.7), "1m 00s");
  EXPECT_EQ(duration_text(725), "12m 05s");
  EXPECT_EQ(duration_text(3 * 3600 + 7 * 60), "3h 07m");
  EXPECT_EQ(duration_text(2 * 86400 + 4 * 3600), "2d 04h");
  EXPECT_EQ(duration_text(-1), "?");
  EXPECT_EQ(duration_text(NAN), "?");
}

TEST(ConsoleText, ProgressLines) {
  EXPECT_EQ(progress_line(example(), LineStyle::bar),
            "base-wiki  step 12,340/1.0M  1.2% |          | loss 2.413 (mlm 2.101 nsp 0.312) "
            "acc 0.58  lr 9.9e-05  gnorm 1.31  412k tok/s (51% MFU)  data 0.4%  "
            "mem 61.2/79.2 GiB  ETA 2d 04h");

  Progress bare = example();
  bare.sentence_loss.reset();
  bare.accuracy.reset();
  bare.flops_utilization.reset();
  bare.seconds_left.reset();
  bare.memory_total_gib = 0;
  bare.total_steps = 24680;
  EXPECT_EQ(progress_line(bare, LineStyle::plain),
            "base-wiki  step 12,340/24,680  50.0%  loss 2.413 (mlm 2.101)  lr 9.9e-05  "
            "gnorm 1.31  412k tok/s  data 0.4%  mem 61.2 GiB");
  EXPECT_THAT(progress_line(bare, LineStyle::bar), HasSubstr("|#####     |"));
  EXPECT_THAT(progress_line(bare, LineStyle::bar, Color::yes), HasSubstr("\x1b[1mloss"));
}

TEST(ConsoleText, BannerLabelsShareAWidth) {
  EXPECT_THAT(banner_lines({{"run", "runs/a"}, {"parameters", "110,106,428"}}),
              ElementsAre("  run         runs/a", "  parameters  110,106,428"));
}

TEST(TimeLeft, LeavesOutTheFirstFiveSteps) {
  TimeLeft left;
  for (int i = 0; i < 5; ++i) left.observe(100);
  EXPECT_FALSE(left.seconds(10));

  for (int i = 0; i < 50; ++i) left.observe(0.5);

  EXPECT_DOUBLE_EQ(left.seconds(10).value(), 5.0);
  left.start_phase();
  EXPECT_FALSE(left.seconds(10));
}

TEST(Console, PlainModeWritesTheFirstTenStepsThenAtMostOneLineInTenSeconds) {
  Screen screen;
  Console console({.every_steps = 10}, screen.target(false));
  Progress p = example();

  for (p.step = 1; p.step <= 200; ++p.step, screen.seconds += 0.5) console.progress(p);

  // Ten first lines, up to 4.5 s; then one every 10 s until 99.5 s.
  EXPECT_EQ(screen.writes.size(), 10u + 9u);
  for (const std::string& line : screen.writes) {
    EXPECT_THAT(line, StartsWith("2026-11-23T05:00:00Z base-wiki  step"));
    EXPECT_THAT(line, EndsWith("\n"));
    EXPECT_THAT(line, Not(HasSubstr("\r")));
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
  console.finish();
  EXPECT_THAT(screen.writes.back(), HasSubstr("step 200/1.0M"));
}

TEST(Console, PlainModeWaitsForLogEvery) {
  Screen screen;
  Console console({.every_steps = 50}, screen.target(false));
  Progress p = example();

  for (p.step = 1; p.step <= 60; ++p.step, screen.seconds += 100) console.progress(p);

  EXPECT_EQ(screen.writes.size(), 11u);
  EXPECT_THAT(screen.writes.back(), HasSubstr("step 60/"));
}

TEST(Console, TerminalIsRedrawnAtMostFiveTimesASecond) {
  Screen screen;
  Console console({}, screen.target(true));
  Progress p = example();

  for (p.step = 1; p.step <= 100; ++p.step, screen.seconds += 0.01) console.progress(p);

  EXPECT_LE(screen.writes.size(), 6u);
  EXPECT_THAT(screen.writes[1], StartsWith("\rbase-wiki"));
  EXPECT_THAT(screen.writes[1], Not(HasSubstr("\n")));
  console.clear();
  EXPECT_EQ(screen.writes.back(), "\r\x1b[K");
  console.finish();
  EXPECT_THAT(screen.writes.back(), HasSubstr("step 100/1.0M"));
  EXPECT_THAT(screen.writes.back(), EndsWith("\n"));
}

TEST(Console, LinesAreCutToTheTerminal) {
  Screen screen;
  ConsoleTarget target = screen.target(true);
  target.columns = 40;
  target.color = Color::yes;
  Console console({}, target);

  console.progress(example());

  EXPECT_EQ(screen.writes[0].size(), 39u + std::string("\r\x1b[K").size());
}

TEST(Console, PlainAndOffAreObeyedOnATerminal) {
  Screen screen;
  Console plain({.console = ConsoleMode::plain}, screen.target(true));
  plain.progress(example());
  EXPECT_THAT(screen.writes[0], EndsWith("\n"));

  Console off({.console = ConsoleMode::off}, screen.target(true));
  off.progress(example());
  off.finish();
  EXPECT_EQ(screen.writes.size(), 1u);
}

TEST(Console, ContinuousIntegrationIsNoTerminal) {
  ::setenv("CI", "true", 1);

  const ConsoleTarget target = standard_error_target();

  EXPECT_FALSE(target.terminal);
  EXPECT_EQ(target.color, Color::no);
}

}  // namespace
}  // namespace bertyard
