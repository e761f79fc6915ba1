// SPDX-License-Identifier: Apache-2.0
// What masks are like over many samples, for every unit, static (kFixedMaskEpoch) and dynamic.
#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "core/base/philox.h"
#include "data/samples/mask_drawing.h"
#include "data/samples/masking.h"

namespace bertyard {
namespace {

constexpr std::uint32_t kSize = 20000;
constexpr std::uint32_t kCls = 1;
constexpr std::uint32_t kSep = 2;
constexpr std::uint32_t kMask = 3;
constexpr std::uint32_t kFirstPiece = 15000;  // these and later ids are ## tokens

MaskVocabulary vocabulary() {
  MaskVocabulary result{.size = kSize, .mask = kMask, .cls = kCls, .sep = kSep, .continues = {}};
  result.continues.assign(kSize, 0);
  std::fill(result.continues.begin() + kFirstPiece, result.continues.end(), std::uint8_t{1});
  return result;
}

// [CLS] A [SEP] B [SEP], a quarter of the tokens ##.
std::vector<std::uint32_t> random_sample(std::uint64_t number) {
  PhiloxSequence draws(9, RandomPurpose::initialization, 0, number);
  std::vector<std::uint32_t> tokens(draws.next_in(6, 128));
  for (std::uint32_t& token : tokens) token = draws.next_in(10, kSize - 1);
  tokens.front() = kCls;
  tokens[draws.next_in(2, static_cast<std::uint32_t>(tokens.size()) - 3)] = kSep;
  tokens.back() = kSep;
  return tokens;
}

// The word of each token by the definition: a token with the ## tokens behind it, up to [SEP].
std::vector<int> words_of(const std::vector<std::uint32_t>& tokens) {
  std::vector<int> words(tokens.size(), -1);
  int word = -1;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == kCls || tokens[i] == kSep) continue;
    const bool joins = tokens[i] >= kFirstPiece && i > 0 && words[i - 1] >= 0;
    words[i] = joins ? word : ++word;
  }
  return words;
}

struct Case {
  MaskUnit unit;
  std::uint32_t epoch;
};

class MaskStatistics : public ::testing::TestWithParam<Case> {
 protected:
  static MaskOptions options() {
    return {.unit = GetParam().unit, .replace = 0.7, .random = 0.2, .keep = 0.1};
  }
};

TEST_P(MaskStatistics, CountsEqualTheFormulaUnlessNoWordFits) {
  const Masker masker(options(), vocabulary());
  MaskedTokens masked;
  for (std::uint64_t number = 0; number < 20000; ++number) {
    std::vector<std::uint32_t> tokens = random_sample(number);
    const std::vector<std::uint32_t> original = tokens;

    masker.mask(tokens, {5, GetParam().epoch, number}, masked);

    // min(max_predictions, max(1, round(n * 0.15))), halves to even, as b.1 has it.
    const auto rounded =
        static_cast<std::size_t>(std::nearbyint(static_cast<double>(original.size()) * 0.15));
    const std::size_t wanted =
        std::min<std::size_t>({77, std::max<std::size_t>(1, rounded), original.size() - 3});
    ASSERT_LE(masked.positions.size(), wanted);
    if (GetParam().unit == MaskUnit::token) {
      ASSERT_EQ(masked.positions.size(), wanted);
    }
    if (GetParam().unit != MaskUnit::span) continue;
    const std::vector<int> words = words_of(original);
    std::map<int, std::size_t> length, taken;
    for (const int word : words) length[word] += word >= 0 ? 1 : 0;
    for (const std::uint32_t position : masked.positions) ++taken[words[position]];
    for (const auto& [word, count] : taken) ASSERT_EQ(count, length[word]) << "half a word";
    for (const auto& [word, count] : length) {
      if (word < 0 || taken.contains(word)) continue;
      ASSERT_GT(masked.positions.size() + count, wanted) << "a word would have fitted";
    }
  }
}

TEST_P(MaskStatistics, FatesAreWithinFourSigmaOverAMillionTokens) {
  const Masker masker(options(), vocabulary());
  double chosen = 0, replaced = 0, kept = 0, clustered = 0;
  MaskedTokens masked;
  for (std::uint64_t number = 0; chosen < 1e6; ++number) {
    std::vector<std::uint32_t> tokens = random_sample(number);
    masker.mask(tokens, {5, GetParam().epoch, number}, masked);
    double run = 0;
    for (std::size_t i = 0; i < masked.positions.size(); ++i) {
      const std::uint32_t now = tokens[masked.positions[i]];
      ++chosen;
      replaced += now == kMask ? 1 : 0;
      kept += now == masked.labels[i] ? 1 : 0;
      const bool adjacent = i > 0 && masked.positions[i] == masked.positions[i - 1] + 1;
      run = adjacent ? run + 1 : 1;
      clustered += 2 * run - 1;  // sums to run * run at the end of each run
    }
  }
  // Tokens of a span share their fate; the variance of a sum of runs of length k is k * k each.
  const double spread = GetParam().unit == MaskUnit::span ? clustered : chosen;
  EXPECT_NEAR(replaced, 0.7 * chosen, 4 * std::sqrt(0.21 * spread) + 0.2 * chosen / kSize);
  EXPECT_NEAR(kept, 0.1 * chosen, 4 * std::sqrt(0.09 * spread) + 0.2 * chosen / kSize);
}

TEST_P(MaskStatistics, StaticMasksStayAndDynamicOnesChange) {
  const Masker masker(options(), vocabulary());
  const auto positions = [&](std::uint32_t epoch) {
    std::vector<std::vector<std::uint32_t>> all;
    for (std::uint64_t number = 0; number < 50; ++number) {
      std::vector<std::uint32_t> tokens = random_sample(number);
      MaskedTokens masked;
      masker.mask(tokens, {5, epoch, number}, masked);
      all.push_back(masked.positions);
    }
    return all;
  };
  EXPECT_EQ(positions(GetParam().epoch), positions(GetParam().epoch));
  EXPECT_NE(positions(0), positions(1));
}

INSTANTIATE_TEST_SUITE_P(
    Units, MaskStatistics,
    ::testing::Values(Case{MaskUnit::token, 0}, Case{MaskUnit::token, kFixedMaskEpoch},
                      Case{MaskUnit::word, 1}, Case{MaskUnit::word, kFixedMaskEpoch},
                      Case{MaskUnit::span, 2}, Case{MaskUnit::span, kFixedMaskEpoch}));

TEST(SpanLengths, AreGeometricWithTheMeanThatSpanBertNames) {
  // Joshi et al. 2020: "l ~ Geo(p), p = 0.2, clipped at 10, yields a mean span length of 3.8".
  const SpanLengths lengths(0.2, 10);
  PhiloxSequence draws(1, RandomPurpose::masking, 0, 0);
  constexpr int kDraws = 200000;
  std::vector<double> counts(11, 0);
  for (int i = 0; i < kDraws; ++i) ++counts.at(lengths.draw(draws));

  double mean = 0;
  double chi_square = 0;
  const double norm = 1 - std::pow(0.8, 10);
  EXPECT_EQ(counts[0], 0);
  for (int k = 1; k <= 10; ++k) {
    const double expected = kDraws * 0.2 * std::pow(0.8, k - 1) / norm;
    mean += k * counts[static_cast<std::size_t>(k)] / kDraws;
    chi_square += std::pow(counts[static_cast<std::size_t>(k)] - expected, 2) / expected;
  }
  EXPECT_NEAR(mean, 3.8, 0.03);
  EXPECT_LT(chi_square, 33.7);  // the 99.99th percentile of 9 degrees of freedom
}

TEST(SpanMasking, SpansAreRunsOfWordsThatShareOneFate) {
  // 400 words of one token each, of which 60 are masked.
  std::vector<std::uint32_t> original(402);
  for (std::size_t i = 0; i < original.size(); ++i)
    original[i] = 100 + static_cast<std::uint32_t>(i);
  original.front() = kCls;
  original.back() = kSep;
  const Masker masker({.unit = MaskUnit::span, .replace = 0.5, .random = 0, .keep = 0.5},
                      vocabulary());
  double runs = 0, tokens_masked = 0, changes = 0, neighbours = 0;
  for (std::uint64_t number = 0; number < 2000; ++number) {
    std::vector<std::uint32_t> tokens = original;
    MaskedTokens masked;
    masker.mask(tokens, {1, 0, number}, masked);
    ASSERT_EQ(masked.positions.size(), 60u);
    for (std::size_t i = 0; i < masked.positions.size(); ++i) {
      ++tokens_masked;
      const std::uint32_t position = masked.positions[i];
      if (i == 0 || masked.positions[i - 1] + 1 != position) {
        ++runs;
        continue;
      }
      ++neighbours;
      changes += (tokens[position] == kMask) != (tokens[position - 1] == kMask) ? 1 : 0;
    }
  }
  EXPECT_GT(tokens_masked / runs, 3.0);   // single tokens at this rate: 1.2
  EXPECT_LT(changes / neighbours, 0.15);  // single tokens: 0.5; what is left are spans that touch
}

}  // namespace
}  // namespace bertyard
