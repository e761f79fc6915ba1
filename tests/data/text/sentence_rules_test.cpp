// SPDX-License-Identifier: Apache-2.0
#include "data/text/sentence_rules.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/text/sentence_splitter.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<std::string> split(const std::string& rules, std::string_view paragraph) {
  std::vector<std::string> sentences;
  SentenceSplitter(rules).split(paragraph, sentences);
  return sentences;
}

class SentenceRulesFile : public ::testing::Test {
 protected:
  std::string rules(const std::string& content) const {
    std::ofstream(directory_ / "rules.txt") << content;
    return (directory_ / "rules.txt").string();
  }
  testing::TemporaryDirectory directory_;
};

TEST(GermanSentences, AreCutByTheRulesThatComeWithIt) {
  const std::string german = BERTYARD_SOURCE_DIR "/configs/languages/de.txt";
  EXPECT_THAT(
      split(german, "Am 3. Oktober kam Dr. Müller, z. B. nach Bonn. Er sagte: „Gut!“ Und ging."),
      ElementsAre("Am 3. Oktober kam Dr. Müller, z. B. nach Bonn.", "Er sagte: „Gut!“",
                  "Und ging."));
  EXPECT_THAT(split(german, "Siehe Nr. 5 bzw. Abs. 2. Das ist alles … Oder? Ja."),
              ElementsAre("Siehe Nr. 5 bzw. Abs. 2. Das ist alles …", "Oder?", "Ja."));
  EXPECT_THAT(split(german, "Es war usw. so weiter. Ä. Ende"),
              ElementsAre("Es war usw. so weiter.", "Ä. Ende"));
}

TEST_F(SentenceRulesFile, LinesReplaceTheDefaultsAndAddToEachOther) {
  const auto file = rules("# Hindi\nterminators: \u0964 ?\nterminators: !\nspace: optional\n");
  EXPECT_THAT(split(file, "a\u0964b.c? d!\u0964"), ElementsAre("a\u0964", "b.c?", "d!\u0964"));
  EXPECT_THAT(split(rules("starters: then"), "The U.S. Then Mr. X"),
              ElementsAre("The U.S.", "Then Mr.", "X"));
}

TEST_F(SentenceRulesFile, MistakesNameTheLine) {
  const auto message = [&](const std::string& content, const char* text) {
    EXPECT_THAT([&] { SentenceRules::load(rules(content)); },
                ThrowsMessage<DataError>(HasSubstr(text)));
  };
  message("closers: )\nabbreviation: z.B.\n",
          "rules.txt:2: the line names 'abbreviation', expected");
  message("terminators . !\n", "rules.txt:1: the line has no colon");
  message("\n\nopeners:  # none\n", "rules.txt:3: the line has no values behind 'openers:'");
  message("numbers: roman\n", "says 'numbers: roman', expected ordinal or cardinal");
  message("space: never\n", "expected required or optional");
  message("openers: \xFF\n", "is not UTF-8");
  EXPECT_THAT([] { SentenceSplitter("gone/rules.txt"); },
              ThrowsMessage<DataError>(HasSubstr("gone/rules.txt cannot be read: No such file")));
}

}  // namespace
}  // namespace bertyard
