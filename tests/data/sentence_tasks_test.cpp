// SPDX-License-Identifier: Apache-2.0
// Sentence order (SOP) and whole sentences without pairs (none).
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/marked_corpus.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::uint32_t> text_of(const Sample& sample, std::size_t begin, std::size_t end) {
  return {sample.tokens.begin() + static_cast<std::ptrdiff_t>(begin),
          sample.tokens.begin() + static_cast<std::ptrdiff_t>(end)};
}

std::vector<std::uint32_t> a_of(const Sample& sample) {
  return text_of(sample, 1, sample.a_length - 1);
}

std::vector<std::uint32_t> b_of(const Sample& sample) {
  return text_of(sample, sample.a_length, sample.tokens.size() - 1);
}

TEST(SentenceOrder, TheLabelSaysWhetherBComesBeforeA) {
  const MarkedCorpus marked = random_corpus(40, 3);
  int swapped = 0;
  for (const Sample& sample : build_all(
           marked.corpus, {.seed = 1, .max_length = 64, .next_sentence = NextSentence::sop}, 20)) {
    const auto a = a_of(sample), b = b_of(sample);
    ASSERT_FALSE(a.empty() || b.empty());
    // Tokens of the corpus are numbered, so each segment is a run of numbers of one document.
    EXPECT_EQ(a.back() - a.front() + 1, a.size());
    EXPECT_EQ(b.back() - b.front() + 1, b.size());
    EXPECT_EQ(marked.document_of[a[0] - 100], marked.document_of[b[0] - 100]);
    EXPECT_EQ(sample.is_random_next, b[0] < a[0]);
    swapped += sample.is_random_next ? 1 : 0;
  }
  EXPECT_GT(swapped, 1000);
}

TEST(SentenceOrder, PairsAreConsecutiveWhereNothingIsCut) {
  const MarkedCorpus marked = random_corpus(30, 8);
  std::vector<std::uint32_t> seen;
  for (const Sample& sample : build_all(marked.corpus, {.seed = 2,
                                                       .max_length = 4000,
                                                       .short_sequence = 0,
                                                       .next_sentence = NextSentence::sop})) {
    auto first = a_of(sample), second = b_of(sample);
    if (sample.is_random_next) std::swap(first, second);
    EXPECT_EQ(first.back() + 1, second.front());
    seen.insert(seen.end(), first.begin(), first.end());
    seen.insert(seen.end(), second.begin(), second.end());
  }
  // A document is one chunk here, so that every token comes once and in order.
  std::vector<std::uint32_t> all(marked.document_of.size());
  std::iota(all.begin(), all.end(), 100u);
  EXPECT_EQ(seen, all);
}

TEST(SentenceOrder, HalfAreSwapped) {
  MarkedCorpus marked;
  for (int d = 0; d < 100; ++d) marked.add_document(std::vector<int>(200, 5));

  const std::vector<Sample> samples = build_all(
      marked.corpus, {.seed = 3, .max_length = 64, .next_sentence = NextSentence::sop}, 10);

  const auto swapped = std::count_if(samples.begin(), samples.end(),
                                     [](const Sample& sample) { return sample.is_random_next; });
  const auto n = static_cast<double>(samples.size());
  ASSERT_GT(n, 15000);
  EXPECT_NEAR(static_cast<double>(swapped), n / 2, 4 * std::sqrt(n / 4));
}

TEST(SentenceOrder, OneSentenceIsCutInTwoAndOneTokenIsNoPair) {
  MarkedCorpus marked;
  marked.add_document({6});
  marked.add_document({1});

  const std::vector<Sample> samples = build_all(
      marked.corpus,
      {.seed = 1, .max_length = 64, .short_sequence = 0, .next_sentence = NextSentence::sop});

  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].tokens.size(), 9u);
}

TEST(FullSentences, FillSamplesWithWholeSentences) {
  MarkedCorpus marked;
  marked.add_document({4, 4, 4, 4, 4});

  const std::vector<Sample> samples = build_all(
      marked.corpus,
      {.seed = 1, .max_length = 12, .short_sequence = 0, .next_sentence = NextSentence::none});

  ASSERT_EQ(samples.size(), 3u);
  EXPECT_THAT(samples[0].tokens,
              ElementsAre(kMarkedCls, 100, 101, 102, 103, 104, 105, 106, 107, kMarkedSep));
  EXPECT_EQ(samples[0].a_length, 10u);
  EXPECT_THAT(samples[2].tokens, ElementsAre(kMarkedCls, 116, 117, 118, 119, kMarkedSep));
  EXPECT_FALSE(samples[2].is_random_next);
}

TEST(FullSentences, ALongSentenceIsCutIntoPieces) {
  MarkedCorpus marked;
  marked.add_document({2, 13, 1});

  const std::vector<Sample> samples = build_all(
      marked.corpus,
      {.seed = 1, .max_length = 8, .short_sequence = 0, .next_sentence = NextSentence::none});

  std::vector<std::size_t> lengths;
  for (const Sample& sample : samples) lengths.push_back(sample.tokens.size() - 2);
  EXPECT_THAT(lengths, ElementsAre(2, 6, 6, 2));
}

TEST(FullSentences, NoTokenIsLostNoneCrossesADocumentAndNoneOverflows) {
  const MarkedCorpus marked = random_corpus(60, 5);
  for (const double short_sequence : {0.0, 1.0}) {
    std::vector<std::uint32_t> seen;
    for (const Sample& sample : build_all(marked.corpus, {.seed = 4,
                                                         .max_length = 32,
                                                         .short_sequence = short_sequence,
                                                         .next_sentence = NextSentence::none})) {
      ASSERT_LE(sample.tokens.size(), 32u);
      ASSERT_EQ(sample.a_length, sample.tokens.size());
      const auto text = a_of(sample);
      EXPECT_EQ(marked.document_of[text.front() - 100], marked.document_of[text.back() - 100]);
      seen.insert(seen.end(), text.begin(), text.end());
    }
    std::vector<std::uint32_t> all(marked.document_of.size());
    std::iota(all.begin(), all.end(), 100u);
    EXPECT_EQ(seen, all);
  }
}

// A target that held for the document would make all of a book short, or none of it.
TEST(FullSentences, AShareOfABooksSamplesIsShort) {
  MarkedCorpus marked;
  marked.add_document(std::vector<int>(20000, 1));

  std::map<std::size_t, int> counts;
  int samples = 0;
  for (const Sample& sample : build_all(marked.corpus, {.seed = 4,
                                                       .max_length = 12,
                                                       .short_sequence = 0.3,
                                                       .next_sentence = NextSentence::none})) {
    ++samples;
    ++counts[sample.tokens.size() - 2];
  }

  // Of 9 lengths from 2 to 10 that are drawn alike only 10 is not short.
  const double share = 0.3 * 8 / 9;
  const double sigma = std::sqrt(share * (1 - share) / samples);
  EXPECT_NEAR(1 - static_cast<double>(counts[10]) / samples, share, 4 * sigma);
  EXPECT_EQ(counts.size(), 9u);
}

TEST(FullSentences, ASampleEndsOnlyWhereTheNextSentenceWouldNotFit) {
  const MarkedCorpus marked = random_corpus(60, 6);
  const std::vector<Sample> samples = build_all(
      marked.corpus,
      {.seed = 4, .max_length = 64, .short_sequence = 0, .next_sentence = NextSentence::none});
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    const auto text = a_of(samples[i]), next = a_of(samples[i + 1]);
    if (marked.document_of[text[0] - 100] != marked.document_of[next[0] - 100]) continue;
    const auto sentence = marked.sentence_length_of[next[0] - 100];
    EXPECT_GT(text.size() + static_cast<std::size_t>(sentence), 62u);
  }
}

// With short chunks of many sentences the rule n == 1 never applies: b.1's random() < 0.5 decides.
TEST(NextSentence, HalfOfTheChunksOfTwoSentencesOrMoreAreRandom) {
  // Documents that end in a chunk of two sentences: no chunk has one.
  MarkedCorpus marked;
  for (int d = 0; d < 200; ++d) marked.add_document({5, 5});
  double pairs = 0;
  double random = 0;
  const SampleBuilder builder(
      marked.corpus,
      {.seed = 3, .max_length = 13, .short_sequence = 0, .cls = kMarkedCls, .sep = kMarkedSep});
  for (std::uint32_t round = 0; round < 100; ++round) {
    for (std::size_t d = 0; d < marked.corpus.document_count(); ++d) {
      bool first = true;  // the rest of a chunk that a random B displaced is a chunk of one
      builder.build(d, round, [&](const Sample& sample) {
        if (!first) return;
        first = false;
        ++pairs;
        random += sample.is_random_next ? 1 : 0;
        const auto a = marked.document_of[sample.tokens[1] - 100];
        const auto b = marked.document_of[sample.tokens[sample.a_length] - 100];
        ASSERT_EQ(a != b, sample.is_random_next);
      });
    }
  }
  ASSERT_EQ(pairs, 20000);
  EXPECT_NEAR(random, pairs / 2, 4 * std::sqrt(pairs / 4));
}

}  // namespace
}  // namespace bertyard
