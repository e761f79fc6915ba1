// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/vocabulary.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr const char* kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

class VocabularyFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& content) const {
    const auto path = directory_ / "vocab.txt";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  auto load(const std::string& content) const {
    return [path = write(content)] { return Vocabulary::load(path); };
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(VocabularyFile, LinesAreIds) {
  const auto vocabulary = load(std::string(kSpecial) + "the\n##s\n\xE4\xB8\xAD\n")();
  EXPECT_EQ(vocabulary.size(), 8u);
  EXPECT_EQ(vocabulary.id("the"), 5u);
  EXPECT_EQ(vocabulary.id("##s"), 6u);
  EXPECT_EQ(vocabulary.id("\xE4\xB8\xAD"), 7u);
  EXPECT_EQ(vocabulary.id("thé"), std::nullopt);
  EXPECT_EQ(vocabulary.token(6), "##s");
  EXPECT_EQ(vocabulary.special().pad, 0u);
  EXPECT_EQ(vocabulary.special().unknown, 1u);
  EXPECT_EQ(vocabulary.special().cls, 2u);
  EXPECT_EQ(vocabulary.special().sep, 3u);
  EXPECT_EQ(vocabulary.special().mask, 4u);
}

TEST_F(VocabularyFile, LineEndsAndByteOrderMarkDoNotMatter) {
  const auto plain = load(std::string(kSpecial) + "a\nb\n")();
  const auto other = load("\xEF\xBB\xBF[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\nb")();
  EXPECT_EQ(plain.tokens(), other.tokens());
  EXPECT_EQ(plain.hash(), other.hash());
  EXPECT_EQ(plain.hash(), xxh3(std::string(kSpecial) + "a\nb\n"));
  EXPECT_NE(plain.hash(), load(std::string(kSpecial) + "b\na\n")().hash());
}

TEST_F(VocabularyFile, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(load(""), ThrowsMessage<DataError>(HasSubstr("vocab.txt is empty")));
  EXPECT_THAT(load(std::string(kSpecial) + "a\nb\na\n"),
              ThrowsMessage<DataError>(
                  AllOf(HasSubstr("vocab.txt:8"), HasSubstr("'a' stands on line 6 already"))));
  EXPECT_THAT(load("[PAD]\n\n[UNK]\n"),
              ThrowsMessage<DataError>(HasSubstr(":2: the entry is empty")));
  EXPECT_THAT(load("[PAD]\n\xC3\x28\n"),
              ThrowsMessage<DataError>(HasSubstr(":2: the entry is not UTF-8")));
  EXPECT_THAT(load("[PAD] \n"),
              ThrowsMessage<DataError>(HasSubstr(":1: the entry has white space")));
}

TEST_F(VocabularyFile, EverySpecialTokenIsNeeded) {
  const std::vector<std::string> all = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (const std::string& missing : all) {
    std::string content = "word\n";
    for (const std::string& token : all) content += token == missing ? "" : token + "\n";
    EXPECT_THAT(load(content), ThrowsMessage<DataError>(HasSubstr("has no " + missing)));
  }
}

TEST_F(VocabularyFile, MissingFileAndDirectory) {
  EXPECT_THAT([&] { Vocabulary::load(directory_ / "none.txt"); },
              ThrowsMessage<DataError>(HasSubstr("none.txt is not there")));
  EXPECT_THAT([&] { Vocabulary::load(directory_.path()); },
              ThrowsMessage<DataError>(HasSubstr("is a directory")));
}

TEST_F(VocabularyFile, IdsOutOfRangeAreRefused) {
  const auto vocabulary = load(kSpecial)();
  EXPECT_THAT(
      [&] { vocabulary.token(5); },
      ThrowsMessage<DataError>(HasSubstr("token id 5 is out of range: the vocabulary has 5")));
}

TEST_F(VocabularyFile, SavingReplacesTheWholeFile) {
  const auto vocabulary = load(std::string(kSpecial) + "x\n")();
  const auto path = directory_ / "saved.txt";
  std::ofstream(path) << std::string(10000, 'z');
  vocabulary.save(path);
  EXPECT_EQ(Vocabulary::load(path).tokens(), vocabulary.tokens());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    (void)entry;
    ++files;
  }
  EXPECT_EQ(files, 2u);  // vocab.txt and saved.txt, no temporary file
}

TEST_F(VocabularyFile, SavingWhereNothingCanBeWrittenIsAnIoError) {
  const auto vocabulary = load(kSpecial)();
  EXPECT_THAT([&] { vocabulary.save(directory_ / "no/such/directory/vocab.txt"); },
              ThrowsMessage<IoError>(HasSubstr("cannot create")));
  std::filesystem::create_directory(directory_ / "taken");
  EXPECT_THAT([&] { vocabulary.save(directory_ / "taken"); },
              ThrowsMessage<IoError>(HasSubstr("cannot rename a file to")));
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "taken"));
}

}  // namespace
}  // namespace bertyard
