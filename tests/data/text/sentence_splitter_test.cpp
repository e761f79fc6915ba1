// SPDX-License-Identifier: Apache-2.0
#include "data/text/sentence_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Sentences = std::vector<std::string>;

Sentences split(std::string_view paragraph, std::string_view language = "en") {
  Sentences sentences;
  SentenceSplitter(language).split(paragraph, sentences);
  return sentences;
}

// Each row is one paragraph, cut where '|' stands.
void expect_cut_at_bars(std::string_view marked, std::string_view language) {
  Sentences expected;
  std::string paragraph;
  for (std::string_view rest = marked; !rest.empty();) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    expected.emplace_back(rest.substr(0, bar));
    paragraph += expected.back();
    rest.remove_prefix(std::min(bar + 1, rest.size()));
    if (language == "en" && !rest.empty()) paragraph += ' ';
  }
  EXPECT_EQ(split(paragraph, language), expected) << paragraph;
}

TEST(SentenceSplitter, English) {
  for (const std::string_view marked : {
           "It rains.|He stays.",
           "Really?|Yes!|No.",
           "Mr. Smith met Dr. Jones and Mrs. Hudson.|They left.",
           "J. R. R. Tolkien wrote it.|J. K. Rowling did not.",
           "See e.g. Figure 3, i.e. the curve.|It rises.",
           "Apples, pears, etc. are fruit.",
           "Apples, pears, etc.|Trees bear them.",
           "It cost 3.14 dollars.|He paid 1,000.50 more.",
           "See No. 5 and Vol. II of it.|No.|He said so.",
           "On Jan. 5 it began.|By Dec. 25 it was over.",
           "He lives in the U.S. now.|She left the U.S.|They stayed.",
           "The U.S. Senate met at 5 p.m. in Washington.",
           "She came at 5 p.m.|He was late.",
           "St. John lives in Main St.|He is old.",
           "\u201CStop!\u201D he said.|\u201CWhy?\u201D she asked.",
           "\u201CI see.\u201D|\u201CDo you?\u201D",
           "He said: \"Go.\"|She went.",
           "(It was late.)|Nobody came (it rained).|The end.",
           "Wait... what?|Well\u2026|Nothing came.|And then... he fell.|So...|He rose.",
           "It was proven.[12]|Later it was not.",
           "1. Open the box.|2. Close it.",
           "He was born in 1950.|In 1970 he left.",
           "Smith et al. wrote it.|Acme Inc. Ltd. sells it.",
           "Look at bertyard.org. or not.",
           "No end here",
           "What?!|Never.",
           "\u00C9tienne came.|\u00C9mile too.",
           "He left\u2014why?\u2014at once.|So.",
           "Hail Smith & Co. The firm sells it.",
       }) {
    if (marked.starts_with("Hail")) {
      EXPECT_THAT(split(marked), ElementsAre("Hail Smith & Co.", "The firm sells it."));
    } else {
      expect_cut_at_bars(marked, "en");
    }
  }
}

TEST(SentenceSplitter, WhiteSpaceAtTheEndsIsDropped) {
  EXPECT_THAT(split("  It is.\t So be it.\u00A0 \u00A0Yes.  "),
              ElementsAre("It is.", "So be it.", "Yes."));
  EXPECT_THAT(split(""), IsEmpty());
  EXPECT_THAT(split(" \t\u3000"), IsEmpty());
}

TEST(SentenceSplitter, Chinese) {
  for (const std::string_view marked : {
           "今天下雨。|他没来！|真的吗？|是。",
           "他说：“好。”|她走了。",
           "（见图。）|价格是3.14元。",
           "什么？！|没有结尾",
           "我……我不知道。|他用Python 3.11写。",
       }) {
    expect_cut_at_bars(marked, "zh");
  }
}

TEST(SentenceSplitter, NothingIsLostAndNothingHangsOnLongText) {
  std::string paragraph;
  for (int i = 0; i < 100000; ++i) paragraph += "Dr. No said no. ";
  std::size_t bytes = 0;
  for (const std::string& sentence : split(paragraph)) bytes += sentence.size();
  EXPECT_EQ(bytes, 15u * 100000);
  EXPECT_EQ(split(std::string(1 << 20, '.')).size(), 1u);
  EXPECT_EQ(split("a\xFF. \xE2\x80 B\xC3").size(), 2u);  // bytes that are no UTF-8
}

TEST(SentenceSplitter, UnknownLanguagesAreRefusedWithTheKnownOnes) {
  EXPECT_THAT([] { SentenceSplitter("de"); },
              ThrowsMessage<UsageError>(HasSubstr("'de', expected one of: en, zh")));
}

}  // namespace
}  // namespace bertyard
