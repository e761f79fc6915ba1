// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_paths.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TextPaths : public ::testing::Test {
 protected:
  TextPaths() {
    for (const char* folder : {"b", "b/inner", "b/.git", "empty"}) {
      std::filesystem::create_directories(directory_ / folder);
    }
    for (const char* file : {"z.txt", "a.txt", "a2.txt.gz", "b/2.txt", "b/10.txt", "b/inner/1.txt",
                             "b/.hidden", "b/.git/config"}) {
      std::ofstream(directory_ / file) << "text\n";
    }
  }
  std::string in(const std::string& name) const { return (directory_ / name).string(); }
  static std::vector<std::string> expand(const std::vector<std::string>& entries) {
    return expand_text_paths("corpus.text", entries);
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(TextPaths, TheListKeepsItsOrder) {
  EXPECT_THAT(expand({in("z.txt"), "-", in("a.txt")}), ElementsAre(in("z.txt"), "-", in("a.txt")));
}

TEST_F(TextPaths, StandardInputIsThereOnce) {
  EXPECT_THAT(
      [&] {
        expand({"-", in("a.txt"), "-"});
      },
      ThrowsMessage<DataError>(HasSubstr("standard input, '-', is named twice")));
}

TEST_F(TextPaths, DirectoriesAreSortedRecursivelyWithoutHiddenFiles) {
  EXPECT_THAT(expand({in("b")}), ElementsAre(in("b/10.txt"), in("b/2.txt"), in("b/inner/1.txt")));
}

TEST_F(TextPaths, GlobsAreSortedAndOfDirectoriesTheFilesAreTaken) {
  EXPECT_THAT(expand({in("a*"), in("[bez]*")}),
              ElementsAre(in("a.txt"), in("a2.txt.gz"), in("b/10.txt"), in("b/2.txt"),
                          in("b/inner/1.txt"), in("z.txt")));
}

TEST_F(TextPaths, ALinkToNothingIsNamed) {
  std::filesystem::create_symlink("gone", directory_ / "b/annexed.txt");
  EXPECT_THAT([&] { expand({in("b")}); },
              ThrowsMessage<DataError>(HasSubstr("b/annexed.txt is a link to nothing")));
  EXPECT_THAT([&] { expand({in("b/a*")}); },
              ThrowsMessage<DataError>(HasSubstr("b/annexed.txt is a link to nothing")));
}

TEST_F(TextPaths, AFileMayBeNamedLikeAGlob) {
  std::ofstream(directory_ / "x[1].txt") << "text\n";
  EXPECT_THAT(expand({in("x[1].txt")}), ElementsAre(in("x[1].txt")));
}

TEST_F(TextPaths, WhatStandsForNoFileIsAnError) {
  EXPECT_THAT([] { expand({}); }, ThrowsMessage<DataError>(HasSubstr("corpus.text is empty")));
  EXPECT_THAT([&] { expand({in("none.txt")}); },
              ThrowsMessage<DataError>(HasSubstr("none.txt does not exist")));
  EXPECT_THAT([&] { expand({in("*.json")}); },
              ThrowsMessage<DataError>(HasSubstr("no file matches")));
  EXPECT_THAT([&] { expand({in("empty")}); }, ThrowsMessage<DataError>(HasSubstr("holds no file")));
}

}  // namespace
}  // namespace bertyard
