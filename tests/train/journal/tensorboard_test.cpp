// SPDX-License-Identifier: Apache-2.0
#include "train/journal/tensorboard.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string run(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char block[4096];
  while (const std::size_t count = std::fread(block, 1, sizeof block, pipe)) {
    output.append(block, count);
  }
  ::pclose(pipe);
  return output;
}

TEST(Tensorboard, ChecksumsAreCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(Tensorboard, EventBytes) {
  const Scalar scalar{"ab", 1.0};

  const std::string event = encode_event(1.0, 300, {&scalar, 1});

  // wall_time = 1.0, step = 300, summary { value { tag "ab" simple_value 1.0 } }
  EXPECT_EQ(event, from_hex("09000000000000f03f"
                            "10ac02"
                            "2a0b"
                            "0a09"
                            "0a026162"
                            "150000803f"));
}

TEST(Tensorboard, RecordsCarryMaskedChecksums) {
  const std::string record = frame_record("abc");

  ASSERT_EQ(record.size(), 8u + 4u + 3u + 4u);
  std::uint32_t stored = 0;
  std::memcpy(&stored, record.data() + 15, sizeof stored);
  const std::uint32_t crc = crc32c("abc");
  EXPECT_EQ(stored, ((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
}

// Protocol buffers' own decoder reads every record of a file.
TEST(Tensorboard, ProtocReadsTheFile) {
  if (std::system("protoc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "protoc is absent";
  const TemporaryDirectory directory;
  const FileCalls calls;
  EventFile file(directory.path(), calls);
  const std::vector<Scalar> scalars = {{"loss/mlm", 2.5}, {"lr", 1e-4}};
  file.write(7, scalars);

  const std::string contents = read_file(file.path());
  std::string decoded;
  for (std::size_t at = 0; at < contents.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, contents.data() + at, sizeof length);
    std::ofstream(directory / "event", std::ios::binary) << contents.substr(at + 12, length);
    decoded += run("protoc --decode_raw < " + (directory / "event").string());
    at += 12 + length + 4;
  }

  EXPECT_THAT(decoded, HasSubstr("3: \"brain.Event:2\""));
  EXPECT_THAT(decoded, HasSubstr("2: 7\n"));
  EXPECT_THAT(decoded, HasSubstr("1: \"loss/mlm\"\n    2: 0x40200000"));
  EXPECT_THAT(file.path().filename().string(), HasSubstr("events.out.tfevents."));
}

}  // namespace
}  // namespace bertyard
