// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_file.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/compressed_text.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using testing::zstd;

using Lines = std::vector<std::string>;

Lines read_lines(LineReader& reader) {
  Lines lines;
  for (std::string_view line; reader.next(line);) lines.emplace_back(line);
  return lines;
}

class TextFile : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) const {
    const auto path = directory_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  Lines lines_of(const std::string& name, const std::string& content) const {
    LineReader reader(write(name, content));
    return read_lines(reader);
  }
  auto reading(const std::string& name, const std::string& content) const {
    return [path = write(name, content)] {
      LineReader reader(path);
      read_lines(reader);
    };
  }

  testing::TemporaryDirectory directory_;
};

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST_F(TextFile, LinesEndWithEitherLineEnd) {
  EXPECT_THAT(lines_of("a.txt", "one\ntwo\r\n\nthree"), ElementsAre("one", "two", "", "three"));
  EXPECT_THAT(lines_of("b.txt", ""), IsEmpty());
  EXPECT_THAT(lines_of("c.txt", "\n"), ElementsAre(""));
  EXPECT_THAT(lines_of("d.txt", "x\r"), ElementsAre("x"));
  EXPECT_THAT(lines_of("e.txt", "\xEF\xBB\xBFx\n"), ElementsAre("x"));
}

TEST_F(TextFile, AllFormatsGiveTheSameLines) {
  const std::string text = numbered_lines(200000);  // 2.3 MB, more than every buffer
  const Lines plain = lines_of("a.txt", text);
  ASSERT_EQ(plain.size(), 200000u);
  EXPECT_EQ(plain[123456], "line 123456");
  EXPECT_EQ(lines_of("a.txt.gz", gzip(text)), plain);
  EXPECT_EQ(lines_of("a.txt.zst", zstd(text)), plain);
  EXPECT_EQ(lines_of("no_ending", zstd(text)), plain);
}

TEST_F(TextFile, MembersAndFramesFollowOneAnother) {
  EXPECT_THAT(lines_of("a.gz", gzip("one\ntw") + gzip("") + gzip("o\nthree\n")),
              ElementsAre("one", "two", "three"));
  EXPECT_THAT(lines_of("a.zst", zstd("one\ntw") + zstd("") + zstd("o\nthree\n")),
              ElementsAre("one", "two", "three"));
  EXPECT_THAT(lines_of("padded.gz", gzip("one\n") + std::string(512, '\0')), ElementsAre("one"));
}

TEST_F(TextFile, EveryTruncationOfACompressedFileIsNamed) {
  for (const auto& [name, bytes] : {std::pair{"cut.gz", gzip(numbered_lines(50))},
                                    std::pair{"cut.zst", zstd(numbered_lines(50))}}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_THAT(reading(name, bytes.substr(0, size)), ThrowsMessage<DataError>(HasSubstr(name)))
          << size;
    }
    EXPECT_THAT(reading(name, bytes.substr(0, bytes.size() / 2)),
                ThrowsMessage<DataError>(HasSubstr("ends in the middle of its")));
  }
}

TEST_F(TextFile, DamageIsNamed) {
  std::string damaged = gzip(numbered_lines(1000));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_THAT(reading("d.gz", damaged),
              ThrowsMessage<DataError>(AllOf(HasSubstr("d.gz"), HasSubstr("damaged gzip"))));
  EXPECT_THAT(reading("g.gz", gzip("x\n") + "garbage"),
              ThrowsMessage<DataError>(HasSubstr("damaged gzip")));
  damaged = zstd(numbered_lines(1000));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_THAT(reading("d.zst", damaged), ThrowsMessage<DataError>(HasSubstr("damaged zstd")));
}

TEST_F(TextFile, WrongNamesAndFormatsAreRefused) {
  EXPECT_THAT(reading("plain.gz", "text"),
              ThrowsMessage<DataError>(HasSubstr("is named .gz but does not begin as gzip")));
  EXPECT_THAT(reading("plain.zst", "text"),
              ThrowsMessage<DataError>(HasSubstr("is named .zst but does not begin as zstd")));
  EXPECT_THAT(reading("a.xz", "text"), ThrowsMessage<DataError>(HasSubstr("use plain text, gzip")));
  EXPECT_THAT(reading("wide.txt", "\xFF\xFEh\0i\0"), ThrowsMessage<DataError>(HasSubstr("UTF-16")));
  EXPECT_THAT([&] { LineReader((directory_ / "none").string()); },
              ThrowsMessage<DataError>(HasSubstr("none cannot be opened: No such file")));
  EXPECT_THAT([&] { LineReader(directory_.path().string()); },
              ThrowsMessage<DataError>(HasSubstr("is a directory")));
}

TEST_F(TextFile, LongLinesComeInPieces) {
  LineReader reader(
      write("long.txt",
            "0123456789 abcdefghij klm\n\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\n"
            "short\n12345678901234567\n"),
      16);
  EXPECT_THAT(read_lines(reader), ElementsAre("0123456789 ", "abcdefghij klm",
                                              "\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9\u00E9",
                                              "\u00E9", "short", "1234567890123456", "7"));
  EXPECT_EQ(reader.cut_lines(), 3u);
  EXPECT_EQ(reader.line_number(), 4u);
}

TEST_F(TextFile, CutsKeepCharactersWhole) {
  LineReader reader(write("long.txt", "1\U0001F914\U0001F914\U0001F914\n"), 8);
  EXPECT_THAT(read_lines(reader), ElementsAre("1\U0001F914", "\U0001F914\U0001F914"));
}

TEST_F(TextFile, CountsTextBytes) {
  LineReader reader(write("a.gz", gzip("one\ntwo\n")));
  read_lines(reader);
  EXPECT_EQ(reader.bytes(), 8u);
  EXPECT_EQ(reader.line_number(), 2u);
}

using TextFileDeathTest = TextFile;

// In a child process, whose standard input can be replaced.
TEST_F(TextFileDeathTest, StandardInputIsAFileToo) {
  const auto read_standard_input = [path = write("in.gz", gzip("one\ntwo\n"))] {
    if (std::freopen(path.c_str(), "rb", stdin) == nullptr) std::_Exit(1);
    LineReader reader("-");
    std::_Exit(read_lines(reader) == Lines{"one", "two"} ? 0 : 2);
  };
  EXPECT_EXIT(read_standard_input(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bertyard
