// SPDX-License-Identifier: Apache-2.0
#include "data/samples/masking.h"

#include <cmath>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kCls = 101;
constexpr std::uint32_t kSep = 102;
constexpr std::uint32_t kMask = 103;

MaskVocabulary thousand_words() {
  return {.size = 1000,
          .mask = kMask,
          .cls = kCls,
          .sep = kSep,
          .continues = std::vector<std::uint8_t>(1000, 0)};
}

// [CLS] 200 201 ... [SEP] ... [SEP], `length` tokens.
std::vector<std::uint32_t> sample_of(std::size_t length) {
  std::vector<std::uint32_t> tokens(length);
  std::iota(tokens.begin(), tokens.end(), 200u);
  tokens.front() = kCls;
  tokens[length / 2] = kSep;
  tokens.back() = kSep;
  return tokens;
}

// Values of Python 3: [max(1, int(round(n * 0.15))) for n in (3, 10, 20, 30, 50, 70, 90, 128,
// 512)].
TEST(MaxMasked, RoundsAsPythonDoes) {
  const MaskOptions options{.max_predictions = 1000};
  std::vector<std::int64_t> counts;

  for (const int n : {3, 10, 20, 30, 50, 70, 90, 128, 512})
    counts.push_back(max_masked(n, options));

  EXPECT_THAT(counts, ElementsAre(1, 2, 3, 4, 8, 10, 14, 19, 77));
}

TEST(MaxMasked, IsAtLeastOneAndAtMostMaxPredictions) {
  EXPECT_EQ(max_masked(2, MaskOptions{}), 1);
  EXPECT_EQ(max_masked(512, MaskOptions{.max_predictions = 20}), 20);
}

TEST(MaxMasked, BoundsTheSumOverSamples) {
  const MaskOptions options;
  for (const int length : {5, 6, 9, 17, 30, 128}) {
    EXPECT_LE(40 * max_masked(length, options), max_masked(40 * length, 40, options));
  }
}

TEST(Masker, MasksTheCountAndKeepsTheLabels) {
  const Masker masker(MaskOptions{}, thousand_words());
  for (const std::size_t length : {5u, 30u, 50u, 128u, 512u}) {
    const std::vector<std::uint32_t> original = sample_of(length);
    std::vector<std::uint32_t> tokens = original;
    MaskedTokens masked;

    masker.mask(tokens, {.seed = 1, .epoch = 2, .sample_id = length}, masked);

    const auto count = static_cast<std::size_t>(masker.count(static_cast<std::int64_t>(length), 3));
    ASSERT_EQ(masked.positions.size(), count);
    std::size_t next = 0;
    for (std::size_t i = 0; i < length; ++i) {
      if (next < count && masked.positions[next] == i) {
        EXPECT_EQ(masked.labels[next++], original[i]);
        EXPECT_NE(original[i], kCls);
        EXPECT_NE(original[i], kSep);
      } else {
        EXPECT_EQ(tokens[i], original[i]);
      }
    }
    EXPECT_EQ(next, count);  // so the positions rise
  }
}

TEST(Masker, RatesAreWithinBinomialBounds) {
  const Masker masker(MaskOptions{}, thousand_words());
  std::int64_t all = 0;
  std::int64_t masks = 0;
  std::int64_t kept = 0;
  std::vector<int> per_position(128, 0);
  MaskedTokens masked;
  constexpr int kSamples = 4000;

  for (int sample = 0; sample < kSamples; ++sample) {
    std::vector<std::uint32_t> tokens = sample_of(128);
    masker.mask(tokens, {.seed = 5, .epoch = 0, .sample_id = static_cast<std::uint64_t>(sample)},
                masked);
    for (std::size_t i = 0; i < masked.positions.size(); ++i) {
      const std::uint32_t now = tokens[masked.positions[i]];
      ++all;
      masks += now == kMask ? 1 : 0;
      kept += now == masked.labels[i] ? 1 : 0;
      ++per_position[masked.positions[i]];
    }
  }

  const auto n = static_cast<double>(all);
  ASSERT_EQ(all, 19 * kSamples);
  // A random entry is [MASK] or the original itself once in a thousand.
  EXPECT_NEAR(static_cast<double>(masks) / n, 0.8 + 0.0001, 4 * std::sqrt(0.16 / n));
  EXPECT_NEAR(static_cast<double>(kept) / n, 0.1 + 0.0001, 4 * std::sqrt(0.09 / n));
  const double expected = 19.0 * kSamples / 125;
  for (std::size_t i = 1; i < 127; ++i) {
    if (i == 64) continue;  // [SEP]
    EXPECT_NEAR(per_position[i], expected, 5 * std::sqrt(expected)) << i;
  }
}

TEST(Masker, IsAFunctionOfSeedEpochAndSample) {
  const Masker masker(MaskOptions{}, thousand_words());
  const auto positions = [&](const Masker::Key& key) {
    std::vector<std::uint32_t> tokens = sample_of(128);
    MaskedTokens masked;
    masker.mask(tokens, key, masked);
    return masked.positions;
  };

  EXPECT_EQ(positions({1, 2, 3}), positions({1, 2, 3}));
  EXPECT_NE(positions({1, 2, 3}), positions({2, 2, 3}));
  EXPECT_NE(positions({1, 2, 3}), positions({1, 3, 3}));
  EXPECT_NE(positions({1, 2, 3}), positions({1, 2, 4}));
}

TEST(Masker, WholeWordsAreMaskedTogetherAndNeverOvershoot) {
  MaskVocabulary vocabulary = thousand_words();
  for (std::uint32_t id = 600; id < 1000; ++id) vocabulary.continues[id] = 1;
  const Masker masker(MaskOptions{.unit = MaskUnit::word}, vocabulary);
  // Words of 1, 2 and 3 tokens in turn.
  std::vector<std::uint32_t> original{kCls};
  std::vector<int> word_of{-1};
  for (int word = 0; word < 30; ++word) {
    for (int piece = 0; piece <= word % 3; ++piece) {
      original.push_back(piece == 0 ? 200 + word : 600 + word);
      word_of.push_back(word);
    }
  }
  original.push_back(kSep);
  word_of.push_back(-1);
  for (std::uint64_t sample = 0; sample < 200; ++sample) {
    std::vector<std::uint32_t> tokens = original;
    MaskedTokens masked;

    masker.mask(tokens, {.seed = 1, .epoch = 0, .sample_id = sample}, masked);

    const std::set<std::uint32_t> chosen(masked.positions.begin(), masked.positions.end());
    EXPECT_LE(chosen.size(), 9u);  // round(62 * 0.15)
    EXPECT_GE(chosen.size(), 7u);  // at most a word of three did not fit
    for (std::size_t i = 1; i + 1 < original.size(); ++i) {
      for (const std::size_t j : {i - 1, i + 1}) {
        const bool same_word = word_of[i] == word_of[j];
        EXPECT_TRUE(!same_word || chosen.count(i) == chosen.count(j));
      }
    }
  }
}

TEST(Masker, NothingToMaskIsNoError) {
  const Masker masker(MaskOptions{}, thousand_words());
  std::vector<std::uint32_t> tokens{kCls, kSep};
  MaskedTokens masked;

  masker.mask(tokens, {}, masked);

  EXPECT_TRUE(masked.positions.empty());
}

TEST(Masker, RatesThatAreNoProbabilitiesAreRefused) {
  const auto message = [](const MaskOptions& options) -> std::string {
    try {
      Masker(options, thousand_words());
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };

  EXPECT_THAT(message({.replace = 0.7}), HasSubstr("replace 0.7 + random 0.1 + keep 0.1"));
  EXPECT_THAT(message({.rate = 1.5}), HasSubstr("rate is 1.5, expected 0 to 1"));
  EXPECT_THAT(message({.max_predictions = 0}), HasSubstr("max_predictions is 0"));
}

TEST(MaskVocabulary, MarksContinuations) {
  const Vocabulary vocabulary({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing"});

  const MaskVocabulary marks = mask_vocabulary(vocabulary);

  EXPECT_EQ(marks.size, 7u);
  EXPECT_EQ(marks.mask, 4u);
  EXPECT_EQ(marks.cls, 2u);
  EXPECT_EQ(marks.sep, 3u);
  EXPECT_THAT(marks.continues, ElementsAre(0, 0, 0, 0, 0, 0, 1));
}

}  // namespace
}  // namespace bertyard
