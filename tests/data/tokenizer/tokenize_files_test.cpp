// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/tokenize_files.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/text/json_line.h"
#include "data/tokenizer/line_batches.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Vocabulary vocabulary() {
  return Vocabulary({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "caf", "##e", "the", ",",
                     "\u4E2D", "##s", "\"", "i", "\u2019"});
}

std::vector<TextSpan> spans(const std::string& text, std::vector<std::string> never_split = {}) {
  const Vocabulary entries = vocabulary();
  const Tokenizer tokenizer(entries, {}, std::move(never_split));
  Encoding encoding;
  TokenizerWorker worker(tokenizer);
  worker.encode(text, encoding);
  EXPECT_EQ(encoding.ids, tokenizer.tokenize(text));
  EXPECT_EQ(encoding.ids.size(), encoding.spans.size());
  worker.encode(text, encoding);  // now from the cache
  EXPECT_EQ(encoding.ids, tokenizer.tokenize(text));
  return encoding.spans;
}

TEST(TokenizerSpans, AreTheBytesThatATokenWasMadeFrom) {
  EXPECT_THAT(spans("The thes,the"), ElementsAre(TextSpan{0, 3}, TextSpan{4, 7}, TextSpan{7, 8},
                                                 TextSpan{8, 9}, TextSpan{9, 12}));
  EXPECT_THAT(spans(" caf\u00C9s"), ElementsAre(TextSpan{1, 4}, TextSpan{4, 6}, TextSpan{6, 7}));
  EXPECT_THAT(spans("\u4E2D,cafe\u0301"),
              ElementsAre(TextSpan{0, 3}, TextSpan{3, 4}, TextSpan{4, 7}, TextSpan{7, 8}));
  EXPECT_THAT(spans("t\u200Bhe\u2019"), ElementsAre(TextSpan{0, 6}, TextSpan{6, 9}));
  EXPECT_THAT(spans("zzz \xFF\xFF \u0130"), ElementsAre(TextSpan{0, 3}, TextSpan{7, 9}));
  EXPECT_THAT(spans("the[MASK]the", {"[MASK]"}),
              ElementsAre(TextSpan{0, 3}, TextSpan{3, 9}, TextSpan{9, 12}));
  EXPECT_THAT(spans(""), IsEmpty());
}

TEST(TokenizerWorker, RemembersWordsOfEveryLengthRightly) {
  const Vocabulary entries = vocabulary();
  const Tokenizer tokenizer(entries, {});
  TokenizerWorker worker(tokenizer);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t length = 1; length < 40; ++length) {
      for (const char* behind : {"", " ", ", the end of the text is far away"}) {
        const std::string text = "the" + std::string(length, 'S') + behind;
        std::vector<std::uint32_t> ids;
        worker.tokenize(text, ids);
        ASSERT_EQ(ids[0], 7u) << text;
        ASSERT_EQ(ids[length], 10u) << text;
        ASSERT_EQ(ids, tokenizer.tokenize(text));
      }
    }
  }
}

class TokenizeFiles : public ::testing::Test {
 protected:
  TokenizeFilesReport run(const std::string& content, int threads = 1) {
    std::ofstream(directory_ / "in", std::ios::binary) << content;
    options_.files = {(directory_ / "in").string()};
    options_.threads = threads;
    output_.clear();
    const Vocabulary entries = vocabulary();
    const Tokenizer tokenizer(entries, {});
    return tokenize_files(options_, tokenizer, entries,
                          [&](std::string_view lines) { output_ += lines; });
  }

  testing::TemporaryDirectory directory_;
  TokenizeFilesOptions options_;
  std::string output_;
};

TEST_F(TokenizeFiles, ALineInIsALineOut) {
  const auto report = run("Caf\u00E9s, \"the\n\n\u4E2D");

  EXPECT_EQ(output_,
            "{\"tokens\":[\"caf\",\"##e\",\"##s\",\",\",\"\\\"\",\"the\"],\"ids\":[5,6,10,8,11,7],"
            "\"offsets\":[[0,3],[3,4],[4,5],[5,6],[7,8],[8,11]]}\n"
            "{\"tokens\":[],\"ids\":[],\"offsets\":[]}\n"
            "{\"tokens\":[\"\u4E2D\"],\"ids\":[9],\"offsets\":[[0,1]]}\n");
  EXPECT_EQ(report.texts, 3u);
  EXPECT_EQ(report.tokens, 7u);
  options_.offsets = OffsetUnit::bytes;
  run("\u4E2D the");
  EXPECT_THAT(output_, HasSubstr("\"offsets\":[[0,3],[4,7]]"));
}

TEST_F(TokenizeFiles, BadLinesOfJsonAreNullAndNamed) {
  options_.field = "text";
  const auto report =
      run("{\"text\":\"the\\n\u4E2D\",\"other\":[{\"text\":5}]}\n{\"text\":7}\nnonsense\n{}\n[]"
          "\n\xFF\n");

  EXPECT_EQ(output_.substr(0, output_.find('\n')),
            "{\"tokens\":[\"the\",\"\u4E2D\"],\"ids\":[7,9],\"offsets\":[[0,3],[4,5]]}");
  EXPECT_EQ(output_.substr(output_.find('\n') + 1), "null\nnull\nnull\nnull\nnull\n");
  EXPECT_EQ(report.bad_lines, 5u);
  EXPECT_EQ(report.invalid_utf8, 1u);
  ASSERT_EQ(report.faults.size(), 5u);
  EXPECT_THAT(report.faults[0], HasSubstr("in:2: the line has a number in the field 'text'"));
  EXPECT_THAT(report.faults[1], HasSubstr("in:3: the line is no JSON at byte"));
  EXPECT_THAT(report.faults[2], HasSubstr("in:4: the line has no field 'text'"));
  EXPECT_THAT(report.faults[3], HasSubstr("in:5: the line is no JSON object"));
}

TEST_F(TokenizeFiles, ALongLineIsOneLineOut) {
  std::string line = "the";
  while (line.size() < (5u << 20)) line += " the s";
  const auto report = run("the\n" + line + "\nthe\n", 2);

  EXPECT_EQ(std::count(output_.begin(), output_.end(), '\n'), 3);
  EXPECT_EQ(report.texts, 3u);
  EXPECT_EQ(report.bytes, line.size() + 6);
  EXPECT_THAT(output_.substr(output_.size() - 100), HasSubstr("[0,3]]}\n"));
  EXPECT_THAT(output_, HasSubstr(fmt::format(",[{},{}]]}}\n", line.size() - 1, line.size())));
}

TEST_F(TokenizeFiles, LongLinesOfJsonAreReadAndThoseAboveTheLimitNamed) {
  options_.field = "text";
  const std::string blanks(3 << 20, ' ');
  const std::string too_long(TokenizeFilesOptions::kMaxJsonLineBytes, ' ');
  const auto report = run("{\"text\":\"the" + blanks + "the\"}\n{\"text\":\"the" + too_long +
                          "\"}\n{\"text\":\"the\"}\n");

  EXPECT_EQ(output_,
            "{\"tokens\":[\"the\",\"the\"],\"ids\":[7,7],\"offsets\":[[0,3],[3145731,3145734]]}\n"
            "null\n{\"tokens\":[\"the\"],\"ids\":[7],\"offsets\":[[0,3]]}\n");
  EXPECT_EQ(report.bad_lines, 1u);
  EXPECT_THAT(report.faults, ElementsAre(HasSubstr("in:2: the line is longer than 32 MiB")));
}

TEST(LineBatches, HoldWholeLinesAndLeaveOutThoseThatAreTooLong) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "in", std::ios::binary) << "a\r\n"
                                                    << std::string(2 << 20, 'b') << "\r\n"
                                                    << std::string(4 << 20, 'c') << "\nd";
  BatchReader reader({(directory / "in").string()}, 3 << 20);
  LineBatch batch;

  ASSERT_TRUE(reader.next(batch));
  ASSERT_EQ(batch.ends.size(), 2u);
  EXPECT_EQ(batch.line(0), "a");
  EXPECT_EQ(batch.line(1), std::string(2 << 20, 'b'));
  EXPECT_THAT(batch.too_long, IsEmpty());
  ASSERT_TRUE(reader.next(batch));
  ASSERT_EQ(batch.ends.size(), 2u);
  EXPECT_EQ(batch.first_line, 3u);
  EXPECT_THAT(batch.too_long, ElementsAre(0));
  EXPECT_EQ(batch.line(0), "");
  EXPECT_EQ(batch.line(1), "d");
  EXPECT_FALSE(reader.next(batch));
}

TEST_F(TokenizeFiles, ThreadsKeepTheOrder) {
  std::string content;
  for (int i = 0; i < 40000; ++i)
    content += std::string(static_cast<std::size_t>(i % 50), 's') + " the\n";
  const auto one = run(content);
  const std::string expected = output_;
  const auto four = run(content, 4);
  EXPECT_EQ(output_, expected);
  EXPECT_EQ(four.hash, one.hash);
  options_.lines_wanted = false;
  EXPECT_EQ(run(content, 3).hash, one.hash);
  EXPECT_EQ(output_, "");
}

TEST_F(TokenizeFiles, AFailingWriterEndsAllThreads) {
  std::ofstream(directory_ / "in") << std::string(3 << 20, '\n');
  options_.files = {(directory_ / "in").string()};
  options_.threads = 4;
  const Vocabulary entries = vocabulary();
  const Tokenizer tokenizer(entries, {});
  EXPECT_THROW(
      tokenize_files(options_, tokenizer, entries, [](std::string_view) { throw IoError("full"); }),
      IoError);
}

TEST(JsonLine, TakesTheLastFieldOfTheOutermostObject) {
  JsonLine line("text");
  EXPECT_TRUE(line.parse(R"({"a":{"text":"in"},"text":"x\u00e9","text":"last"})"));
  EXPECT_EQ(line.text(), "last");
  EXPECT_FALSE(line.parse("{\"text\":null}"));
  EXPECT_THAT(line.fault(), HasSubstr("has null in the field 'text', expected a string"));
  EXPECT_FALSE(line.parse("{\"text\":\"a\"} trailing"));
  EXPECT_FALSE(line.parse("\"text\""));
  EXPECT_FALSE(line.parse(std::string(1 << 20, '[')));
  EXPECT_FALSE(line.parse("{\"text\":" + std::string(1 << 20, '[')));
  EXPECT_FALSE(line.parse(""));
}

}  // namespace
}  // namespace bertyard
