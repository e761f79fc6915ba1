// SPDX-License-Identifier: Apache-2.0
// The published test cases of six tokenizers; tokenizer/cases.json names the source of each.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using nlohmann::json;

constexpr std::string_view kSpecialTokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

TokenizerOptions options_of(const json& test) {
  TokenizerOptions options;
  options.lower_case = test.value("do_lower_case", true);
  if (test.contains("strip_accents")) options.strip_accents = test["strip_accents"].get<bool>();
  options.split_cjk = test.value("tokenize_chinese_chars", true);
  return options;
}

// Some cases' vocabularies lack special tokens that a Vocabulary must have; they come last, so that
// the ids stay.
Vocabulary vocabulary_of(const json& test) {
  if (test.contains("vocab")) {
    return Vocabulary::load(testing::test_data() / "vocab" /
                            (test["vocab"].get<std::string>() + "-vocab.txt"));
  }
  auto tokens = test["vocab_list"].get<std::vector<std::string>>();
  for (const std::string_view token : kSpecialTokens) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.emplace_back(token);
  }
  return Vocabulary(tokens);
}

std::vector<std::string> basic_words(const json& test, const std::vector<std::string>& kept) {
  WordList words;
  BasicTokenizer(options_of(test), kept).split(test["text"].get<std::string>(), words);
  std::vector<std::string> result;
  for (std::size_t i = 0; i < words.size(); ++i) result.emplace_back(words[i]);
  return result;
}

// Text that is words already, split at spaces alone.
std::vector<std::uint32_t> wordpiece_ids(const json& test, const Vocabulary& vocabulary) {
  const WordPiece wordpiece(vocabulary, TokenizerOptions().max_word_characters);
  std::istringstream words(test["text"].get<std::string>());
  std::vector<std::uint32_t> ids;
  for (std::string word; words >> word;) wordpiece.encode(word, ids);
  return ids;
}

std::vector<std::string> tokens_of(const json& test, const std::vector<std::string>& kept) {
  if (test["level"] == "basic") return basic_words(test, kept);
  const Vocabulary vocabulary = vocabulary_of(test);
  const auto ids =
      test["level"] == "wordpiece"
          ? wordpiece_ids(test, vocabulary)
          : Tokenizer(vocabulary, options_of(test), kept).tokenize(test["text"].get<std::string>());
  std::vector<std::string> tokens;
  for (const auto id : ids) tokens.push_back(vocabulary.token(id));
  if (test.contains("ids")) {
    auto expected = test["ids"].get<std::vector<std::uint32_t>>();
    if (test["ids_have_special"]) expected = {expected.begin() + 1, expected.end() - 1};
    EXPECT_EQ(ids, expected);
  }
  return tokens;
}

TEST(TokenizerCases, AllPublishedCasesHold) {
  BERTYARD_REQUIRE_TEST_DATA("tokenizer/cases.json");
  std::ifstream file(testing::test_data() / "tokenizer/cases.json");
  const json cases = json::parse(file);
  ASSERT_EQ(cases.size(), 51u);
  for (const json& test : cases) {
    SCOPED_TRACE(test["source"].get<std::string>() + ": " + test["text"].get<std::string>());
    const auto kept = test.value("never_split", std::vector<std::string>());
    EXPECT_EQ(tokens_of(test, kept), test["tokens"].get<std::vector<std::string>>());
  }
}

TEST(TokenizerCases, PublishedVocabulariesLoad) {
  BERTYARD_REQUIRE_TEST_DATA("vocab");
  const auto folder = testing::test_data() / "vocab";
  EXPECT_EQ(Vocabulary::load(folder / "bert-base-uncased-vocab.txt").size(), 30522u);
  EXPECT_EQ(Vocabulary::load(folder / "bert-base-cased-vocab.txt").size(), 28996u);
  EXPECT_EQ(Vocabulary::load(folder / "bert-base-chinese-vocab.txt").special().mask, 103u);
}

}  // namespace
}  // namespace bertyard
