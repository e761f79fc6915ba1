// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/vocabulary_learner.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/tokenizer/tokenizer.h"

namespace bertyard {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;
using Words = std::vector<std::string>;

constexpr std::int64_t kUnbounded = 1 << 20;

std::vector<WordCount> count(std::string_view text) {
  WordCounter counter{TokenizerOptions()};
  counter.add(text);
  return counter.counts();
}

Words learn(const std::vector<WordCount>& words, std::int64_t size = kUnbounded,
            std::int64_t min_frequency = 1) {
  return learn_vocabulary(words, {}, {size, min_frequency}).tokens();
}

// The merges by hand: ##u ##g 20 of hug, pug, hugs; ##u ##n 16; h ##ug 15; p ##un 12; then hug ##s
// and p ##ug, 5 each, by text; b ##un 4.
TEST(VocabularyLearner, MergesByFrequencyThenText) {
  const std::vector<WordCount> words = {
      {"bun", 4}, {"hug", 10}, {"hugs", 5}, {"pug", 5}, {"pun", 12}};
  const Words all = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b",    "g",   "h",   "n",
                     "p",     "s",     "u",     "##b",   "##g",    "##h",  "##n", "##p", "##s",
                     "##u",   "##ug",  "##un",  "hug",   "pun",    "hugs", "pug", "bun"};
  EXPECT_THAT(learn(words), ElementsAreArray(all));
  EXPECT_THAT(learn(words, 22), ElementsAreArray(all.begin(), all.begin() + 22));
  EXPECT_THAT(learn(words, kUnbounded, 5), ElementsAreArray(all.begin(), all.end() - 1));
}

// Pairs of equal pieces overlap: of ##a ##a ##a the first two merge, and the counts must follow.
TEST(VocabularyLearner, RunsOfOneCharacter) {
  const Words learnt = learn({{"baaaa", 3}, {"baaa", 2}});
  EXPECT_THAT(Words(learnt.begin() + 9, learnt.end()), ElementsAre("##aa", "baa", "baaaa", "baaa"));
}

TEST(VocabularyLearner, PunctuationStandsAloneAndIdeographsCompeteWithMerges) {
  const auto learnt = learn(count("ab ab ab, \u4E2D\u4E2D\u6587 \u4E2D\u4E2D"), kUnbounded, 2);
  EXPECT_THAT(Words(learnt.begin() + 5, learnt.end()),
              ElementsAre(",", "a", "b", "##a", "##b", "\u4E2D", "ab"));
}

TEST(VocabularyLearner, UnsplitIdeographsAreLetters) {
  TokenizerOptions tokenizer;
  tokenizer.split_cjk = false;
  const auto learnt = learn_vocabulary({{"\u4E2D\u6587", 2}}, tokenizer, {kUnbounded, 1});
  EXPECT_THAT(Words(learnt.tokens().begin() + 5, learnt.tokens().end()),
              ElementsAre("\u4E2D", "\u6587", "##\u4E2D", "##\u6587", "\u4E2D\u6587"));
}

TEST(VocabularyLearner, RareCharactersBeyondTheAlphabetAreLeftOut) {
  std::vector<WordCount> words = {{"x\u3042", 1}};  // U+3042 is the rarest, x the most frequent
  for (char32_t code = 0xAC00; code < 0xAC00 + kAlphabetLimit - 1; ++code) {
    std::string character;
    character += static_cast<char>(0xE0 | code >> 12);
    character += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    character += static_cast<char>(0x80 | (code & 0x3F));
    words.push_back({"x" + character, 2});
  }
  const Words learnt = learn(words, 5 + 2 * kAlphabetLimit);
  EXPECT_EQ(learnt.size(), 5 + 2 * kAlphabetLimit);
  EXPECT_THAT(learnt, Not(Contains("\u3042")));
  EXPECT_THAT(learnt, Contains("##\uAC00"));
}

TEST(VocabularyLearner, EveryWordOfTheTextIsSpelled) {
  std::string text = "the quick brown fox, jumps over the lazy dogs; caf\u00E9s & na\u00EFve ";
  for (int i = 0; i < 300; ++i) text += "w" + std::to_string(i * 37) + " ";
  const auto words = count(text);
  for (const std::int64_t size : {120, 200, 400}) {
    const auto vocabulary = learn_vocabulary(words, {}, {size, 1});
    EXPECT_LE(vocabulary.size(), static_cast<std::size_t>(size));
    const auto ids = Tokenizer(vocabulary, {}).tokenize(text);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), vocabulary.special().unknown), 0) << size;
  }
}

TEST(VocabularyLearner, OrderOfTheTextDoesNotMatter) {
  std::vector<WordCount> words =
      count("to be or not to be that is the question the rest is silence");
  const Words learnt = learn(words);
  std::reverse(words.begin(), words.end());
  EXPECT_EQ(learn(words), learnt);
}

TEST(VocabularyLearner, ImpossibleDemandsAreRefused) {
  EXPECT_THAT(
      [] {
        learn({{"ab", 1}}, 8);
      },
      ThrowsMessage<UsageError>(HasSubstr("size is 8, but the special tokens and the 2 "
                                          "characters of the text alone make 9")));
  EXPECT_THAT([] { learn({}); }, ThrowsMessage<DataError>(HasSubstr("not one word")));
}

TEST(VocabularyLearner, WordsTooLongForTheTokenizerAreNotCounted) {
  EXPECT_THAT(
      [] {
        learn({{std::string(201, 'a'), 9}});
      },
      ThrowsMessage<DataError>(HasSubstr("not one word")));
}

TEST(WordCounter, CountsWordsOfTheTokenizerAndJoins) {
  WordCounter one{TokenizerOptions()};
  WordCounter two{TokenizerOptions()};
  one.add("The cat. the dog");
  two.add("THE bird.");
  one.add_counts(two);
  EXPECT_THAT(one.counts(),
              ElementsAre(WordCount{".", 2}, WordCount{"bird", 1}, WordCount{"cat", 1},
                          WordCount{"dog", 1}, WordCount{"the", 3}));
}

}  // namespace
}  // namespace bertyard
