// SPDX-License-Identifier: Apache-2.0
#include "train/journal/loss_log.h"

#include <cstdlib>
#include <limits>

#include "data/files/atomic_file.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryDirectory;

TEST(LossLog, LinesHoldEveryBit) {
  const double third = 1.0 / 3.0;

  const std::string line = loss_line({12, 2.25, third, 310, 64});

  EXPECT_EQ(line, "12 0x1.2p+1 0x1.5555555555555p-2 310 64\n");
  EXPECT_EQ(std::strtod(line.c_str() + line.find(" 0x1.5"), nullptr), third);
  EXPECT_EQ(loss_line({1, 0, std::numeric_limits<double>::denorm_min(), 0, 0}),
            "1 0x0p+0 0x0.0000000000001p-1022 0 0\n");
}

TEST(LossLog, ResumedLogEqualsAnUninterruptedOne) {
  const TemporaryDirectory directory;
  const FileCalls calls;
  LossLog whole = LossLog::create(directory / "whole", calls);
  for (int step = 1; step <= 6; ++step) whole.append({step, 7.0 / step, 0.5, 10 * step, 4});

  std::uint64_t bytes = 0, digest = 0;
  {
    LossLog first = LossLog::create(directory / "cut", calls);
    for (int step = 1; step <= 5; ++step) {
      first.append({step, 7.0 / step, 0.5, 10 * step, 4});
      if (step != 3) continue;
      bytes = first.bytes();
      digest = first.digest();
    }
  }
  LossLog second = LossLog::resume(directory / "cut", bytes, digest, calls);
  for (int step = 4; step <= 6; ++step) second.append({step, 7.0 / step, 0.5, 10 * step, 4});

  EXPECT_EQ(read_file(directory / "cut"), read_file(directory / "whole"));
  EXPECT_EQ(second.bytes(), whole.bytes());
  EXPECT_EQ(second.digest(), whole.digest());
}

TEST(LossLog, RefusesAnotherRunsLog) {
  const TemporaryDirectory directory;
  const FileCalls calls;
  write_file_atomically(directory / "loss.log", "1 0x1p+0 0x1p+0 1 1\n");

  const auto resume = [&](std::uint64_t bytes) {
    return message_of<DataError>(
        [&] { LossLog::resume(directory / "loss.log", bytes, 42, calls); });
  };

  EXPECT_THAT(resume(10), HasSubstr("its first 10 bytes hash to"));
  EXPECT_THAT(resume(999), HasSubstr("20 bytes, the checkpoint was made after 999"));
  EXPECT_EQ(read_file(directory / "loss.log").size(), 20u);
}

}  // namespace
}  // namespace bertyard
