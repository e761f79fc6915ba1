// SPDX-License-Identifier: Apache-2.0
#include "data/samples/sample_builder.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/data/marked_corpus.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// FNV-1a over everything in the samples, for the golden of another program.
std::uint64_t digest(const std::vector<Sample>& samples) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (const Sample& sample : samples) {
    for (const std::uint32_t token : sample.tokens) add(token);
    add(sample.a_length);
    add(sample.is_random_next ? 1 : 0);
  }
  return hash;
}

TEST(TokenizedCorpus, DropsEmptySentencesAndDocuments) {
  TokenizedCorpus corpus;
  corpus.add_sentence(std::vector<std::uint32_t>{7, 8});
  corpus.add_sentence({});
  corpus.end_document(10);
  corpus.add_sentence({});
  corpus.end_document(11);
  corpus.add_sentence(std::vector<std::uint32_t>{9});
  corpus.end_document(12);

  ASSERT_EQ(corpus.document_count(), 2u);
  EXPECT_EQ(corpus.document_id(1), 12u);
  EXPECT_EQ(corpus.sentences_in(0), 1u);
  EXPECT_THAT(corpus.sentence(0, 0), ElementsAre(7, 8));
  EXPECT_THAT(corpus.sentence(1, 0), ElementsAre(9));
}

TEST(SampleBuilder, SamplesHaveTheForm) {
  const MarkedCorpus marked = random_corpus(40, 1);
  for (const Sample& sample : build_all(marked.corpus, {.seed = 7, .max_length = 64}, 3)) {
    ASSERT_LE(sample.tokens.size(), 64u);
    ASSERT_GE(sample.a_length, 3u);
    ASSERT_GE(sample.tokens.size(), sample.a_length + 2);
    EXPECT_EQ(sample.tokens.front(), kMarkedCls);
    EXPECT_EQ(sample.tokens[sample.a_length - 1], kMarkedSep);
    EXPECT_EQ(sample.tokens.back(), kMarkedSep);
    EXPECT_EQ(std::count(sample.tokens.begin(), sample.tokens.end(), kMarkedSep), 2);
  }
}

// The golden comes from a Python program that follows Google's script line by line, with the same
// draws in place of its random module.
TEST(SampleBuilder, FollowsGooglesScript) {
  const MarkedCorpus marked = random_corpus(40, 11);

  const std::vector<Sample> samples = build_all(marked.corpus, {.seed = 7, .max_length = 64}, 3);

  EXPECT_EQ(samples.size(), 697u);
  EXPECT_EQ(digest(samples), 0x7b2fd80b8ef8ae25u);
}

TEST(SampleBuilder, TheLabelIsAlwaysTrue) {
  const MarkedCorpus marked = random_corpus(3, 2);
  int random = 0;
  for (const Sample& sample : build_all(marked.corpus, {.seed = 1, .max_length = 128}, 200)) {
    const std::uint32_t last_of_a = sample.tokens[sample.a_length - 2] - 100;
    const std::uint32_t first_of_b = sample.tokens[sample.a_length] - 100;
    const bool other = marked.document_of[last_of_a] != marked.document_of[first_of_b];
    EXPECT_EQ(sample.is_random_next, other);
    random += other ? 1 : 0;
  }
  EXPECT_GT(random, 100);
}

TEST(SampleBuilder, HalfOfThePairsAreRandom) {
  // Sentences so short that no chunk has one sentence only.
  MarkedCorpus marked;
  for (int d = 0; d < 50; ++d) marked.add_document(std::vector<int>(200, 5));

  const std::vector<Sample> samples =
      build_all(marked.corpus, {.seed = 3, .max_length = 64, .short_sequence = 0}, 4);

  const auto random = std::count_if(samples.begin(), samples.end(),
                                    [](const Sample& sample) { return sample.is_random_next; });
  const auto n = static_cast<double>(samples.size());
  ASSERT_GT(n, 3000);
  // The last chunk of a document may have one sentence: a few more than half.
  EXPECT_NEAR(static_cast<double>(random) / n, 0.5, 0.05);
}

TEST(SampleBuilder, ShortSequencesAreOfTheDocumentsAsked) {
  MarkedCorpus marked;
  for (int d = 0; d < 2000; ++d) marked.add_document(std::vector<int>(40, 4));
  const auto short_documents = [&](double fraction) {
    int count = 0;
    const SampleBuilder builder(marked.corpus, {.seed = 5,
                                                .max_length = 128,
                                                .short_sequence = fraction,
                                                .next_sentence = NextSentence::none,
                                                .cls = kMarkedCls,
                                                .sep = kMarkedSep});
    for (std::size_t d = 0; d < 2000; ++d) {
      std::size_t first = 0;
      builder.build(d, 0, [&](const Sample& sample) {
        if (first == 0) first = sample.tokens.size();
      });
      count += first < 100 ? 1 : 0;
    }
    return count;
  };

  EXPECT_EQ(short_documents(0), 0);
  // A tenth draws a target uniform in 2 to 126; those up to 99 show.
  EXPECT_NEAR(short_documents(0.1), 2000 * 0.1 * 0.78, 4 * 12);
}

TEST(SampleBuilder, ARandomNextGivesTheRestOfTheChunkBack) {
  // Every token of the corpus is an A or a true B once, unless truncation took it.
  const MarkedCorpus marked = random_corpus(20, 4);
  std::set<std::uint32_t> seen;

  for (const Sample& sample :
       build_all(marked.corpus, {.seed = 2, .max_length = 512, .short_sequence = 0})) {
    const std::size_t end = sample.is_random_next ? sample.a_length : sample.tokens.size();
    for (std::size_t i = 1; i < end; ++i) {
      if (sample.tokens[i] == kMarkedSep) continue;
      EXPECT_TRUE(seen.insert(sample.tokens[i]).second);
    }
  }

  EXPECT_GT(seen.size(), marked.document_of.size() * 9 / 10);
}

TEST(SampleBuilder, DocumentsAndRoundsHaveDrawsOfTheirOwn) {
  const MarkedCorpus marked = random_corpus(10, 5);
  const SampleBuilder::Options options{.seed = 7, .max_length = 64};
  const SampleBuilder builder(marked.corpus, options);
  const auto samples_of = [&](std::size_t first, std::size_t end, std::uint32_t round) {
    std::vector<Sample> samples;
    for (std::size_t d = first; d < end; ++d) {
      builder.build(d, round, [&](const Sample& sample) { samples.push_back(sample); });
    }
    return samples;
  };

  std::vector<Sample> in_two_parts = samples_of(0, 5, 0);
  for (const Sample& sample : samples_of(5, 10, 0)) in_two_parts.push_back(sample);

  EXPECT_EQ(samples_of(0, 10, 0), in_two_parts);
  EXPECT_NE(samples_of(0, 10, 0), samples_of(0, 10, 1));
}

TEST(SampleBuilder, OneDocumentWithNextSentenceIsAnError) {
  MarkedCorpus marked;
  marked.add_document({5, 5});
  try {
    build_all(marked.corpus, {});
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("at least two documents"));
    EXPECT_THAT(error.what(), HasSubstr("samples.next_sentence to sop or none"));
  }
}

TEST(SampleBuilder, LengthsWithoutRoomAreRefused) {
  const MarkedCorpus marked = random_corpus(2, 1);
  EXPECT_THROW(build_all(marked.corpus, {.max_length = 4}), UsageError);
  EXPECT_THROW(build_all(marked.corpus, {.max_length = 70000}), UsageError);
}

TEST(FitSegments, TheLongerLosesUntilBothFit) {
  for (std::int64_t a = 1; a < 30; ++a) {
    for (std::int64_t b = 1; b < 30; ++b) {
      for (std::int64_t room = 2; room < 60; ++room) {
        std::int64_t slow_a = a;
        std::int64_t slow_b = b;
        while (slow_a + slow_b > room) (slow_a > slow_b ? slow_a : slow_b) -= 1;
        const SegmentLengths fast = fit_segments({a, b}, room);
        ASSERT_EQ(fast.a, slow_a);
        ASSERT_EQ(fast.b, slow_b);
      }
    }
  }
}

}  // namespace
}  // namespace bertyard
