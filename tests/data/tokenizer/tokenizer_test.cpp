// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/tokenizer.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using Words = std::vector<std::string>;

Words split(std::string_view text, const TokenizerOptions& options = {},
            std::vector<std::string> never_split = {}) {
  WordList words;
  BasicTokenizer(options, std::move(never_split)).split(text, words);
  Words result;
  for (std::size_t i = 0; i < words.size(); ++i) result.emplace_back(words[i]);
  return result;
}

Vocabulary vocabulary(std::vector<std::string> tokens) {
  tokens.insert(tokens.begin(), {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  return Vocabulary(std::move(tokens));
}

Words pieces(std::string_view word, const Vocabulary& entries, int max_word_characters = 200) {
  std::vector<std::uint32_t> ids;
  WordPiece(entries, max_word_characters).encode(word, ids);
  Words result;
  for (const auto id : ids) result.push_back(entries.token(id));
  return result;
}

TokenizerOptions cased() {
  TokenizerOptions options;
  options.lower_case = false;
  return options;
}

// Expected: google-research/bert's algorithm in Python 3.11.
TEST(BasicTokenizer, WordsAreThoseOfGooglesProgram) {
  struct Case {
    std::string_view text;
    Words lower;
    Words cased;
  };
  const Case cases[] = {
      {"Ὀδυσσεὺς ΟΔΥΣΣΕΥΣ.", {"οδυσσευς", "οδυσσευς", "."}, {"Ὀδυσσεὺς", "ΟΔΥΣΣΕΥΣ", "."}},
      {"don\u2019t\u2014stop\u2026",
       {"don", "\u2019", "t", "\u2014", "stop", "\u2026"},
       {"don", "\u2019", "t", "\u2014", "stop", "\u2026"}},
      {"\u1E9Etra\u00DFe \u0152UVRE",
       {"\u00DFtra\u00DFe", "\u0153uvre"},
       {"\u1E9Etra\u00DFe", "\u0152UVRE"}},
      {"a\u2028b\u0085c\fd", {"a", "bcd"}, {"a", "bcd"}},
      {"\u0130stanbul", {"istanbul"}, {"\u0130stanbul"}},
      {"\uD55C T", {"\u1112\u1161\u11AB", "t"}, {"\uD55C", "T"}},
      {"x\u037Ey", {"x", ";", "y"}, {"x", "\u037E", "y"}},
      {"cafe\u0301s", {"cafes"}, {"cafe\u0301s"}},
      {"\u2460\u00BD \u2167", {"\u2460\u00BD", "\u2177"}, {"\u2460\u00BD", "\u2167"}},
      {"$5.00 + 3%", {"$", "5", ".", "00", "+", "3", "%"}, {"$", "5", ".", "00", "+", "3", "%"}},
      {"A\u00ADb\u200Bc", {"abc"}, {"Abc"}},
      {"\u65E5\u672C\u8A9E\u30C6\u30AD",
       {"\u65E5", "\u672C", "\u8A9E", "\u30C6\u30AD"},
       {"\u65E5", "\u672C", "\u8A9E", "\u30C6\u30AD"}},
      {"\uE000x", {"\uE000x"}, {"\uE000x"}},
      {"\uF900", {"\u8C48"}, {"\uF900"}},
      {"", {}, {}},
      {" \t\r\n ", {}, {}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(split(c.text), c.lower) << c.text;
    EXPECT_EQ(split(c.text, cased()), c.cased) << c.text;
  }
}

TEST(BasicTokenizer, BytesThatAreNoUtf8AndNulsAreDropped) {
  EXPECT_THAT(split(std::string_view("a\x80\xFF"
                                     "b \xE2\x82 \0c\xEF\xBF\xBD",
                                     13)),
              ElementsAre("ab", "c"));
}

TEST(BasicTokenizer, WordsBeforeAForeignOneAreNotSplitTwice) {
  EXPECT_THAT(split("one,two,thr\u00E9e four"),
              ElementsAre("one", ",", "two", ",", "three", "four"));
}

TEST(BasicTokenizer, WordsThatMustNotBeSplitStayAnywhere) {
  EXPECT_THAT(split("A[MASK]b [MASK][SEP]\u4E2D", {}, {"[MASK]", "[SEP]"}),
              ElementsAre("a", "[MASK]", "b", "[MASK]", "[SEP]", "\u4E2D"));
  EXPECT_THAT(split("abc", {}, {"a", "ab"}), ElementsAre("ab", "c"));
  EXPECT_THAT(split("[MASK]"), ElementsAre("[", "mask", "]"));
  EXPECT_THROW(split("a", {}, {""}), Error);
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const auto entries = vocabulary({"un", "##aff", "##able", "##a", "##ffab", "unaf", "u"});
  EXPECT_THAT(pieces("unaffable", entries), ElementsAre("[UNK]"));  // greedy: unaf, then ##f fails
  EXPECT_THAT(pieces("unaaffable", entries), ElementsAre("un", "##a", "##aff", "##able"));
  EXPECT_THAT(pieces("una", entries), ElementsAre("un", "##a"));
  EXPECT_THAT(pieces("", entries), IsEmpty());
}

TEST(WordPiece, WordsWithoutPiecesAreUnknownAsAWhole) {
  const auto entries = vocabulary({"a", "b", "##b"});
  EXPECT_THAT(pieces("abc", entries), ElementsAre("[UNK]"));
  EXPECT_THAT(pieces("ba", entries), ElementsAre("[UNK]"));  // there is no ##a
  EXPECT_THAT(pieces("a", vocabulary({"b"})), ElementsAre("[UNK]"));
  EXPECT_THAT(pieces("bb", vocabulary({"b"})), ElementsAre("[UNK]"));  // no continuation at all
}

TEST(WordPiece, LengthCountsCharactersNotBytes) {
  const auto entries = vocabulary({"\u00E9", "##\u00E9"});
  EXPECT_EQ(pieces("\u00E9\u00E9\u00E9", entries, 3).size(), 3u);
  EXPECT_THAT(pieces("\u00E9\u00E9\u00E9\u00E9", entries, 3), ElementsAre("[UNK]"));
  EXPECT_THAT([&] { WordPiece(entries, 0); },
              ThrowsMessage<UsageError>(HasSubstr("max_word_characters is 0")));
}

TEST(WordPiece, EveryEntryOfALargeVocabularyIsFound) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 20000; ++i) tokens.push_back("w" + std::to_string(i * 7919 % 1000003));
  const auto entries = vocabulary(tokens);
  const WordPiece wordpiece(entries, 200);
  std::vector<std::uint32_t> ids;
  for (const auto& token : tokens) wordpiece.encode(token, ids);
  ASSERT_EQ(ids.size(), tokens.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(entries.token(ids[i]), tokens[i]);
}

TEST(Tokenizer, Appends) {
  const auto entries = vocabulary({"a", "b"});
  const Tokenizer tokenizer(entries, {});
  std::vector<std::uint32_t> ids{42};
  tokenizer.tokenize("A b", ids);
  tokenizer.tokenize("\u200B", ids);
  tokenizer.tokenize("b!", ids);
  EXPECT_THAT(ids, ElementsAre(42, 5, 6, 6, 1));
}

TEST(Tokenizer, ThreadsShareOne) {
  const auto entries = vocabulary({"caf", "##e", "the", "##s", ","});
  const Tokenizer tokenizer(entries, {});
  const auto expected = tokenizer.tokenize("The caf\u00E9s, THE the\u00E9");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        wrong[t] += tokenizer.tokenize("The caf\u00E9s, THE the\u00E9") != expected;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
}

}  // namespace
}  // namespace bertyard
