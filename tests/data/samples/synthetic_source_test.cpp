// SPDX-License-Identifier: Apache-2.0
#include "data/samples/synthetic_source.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

SyntheticSource source_of(std::uint64_t samples, std::int64_t max_length, double fill) {
  return SyntheticSource({.samples = samples, .max_length = max_length, .fill = fill, .seed = 7},
                         synthetic_vocabulary(100));
}

TEST(SyntheticSource, LengthsSpreadEvenlyAroundTheFill) {
  const SyntheticSource full = source_of(10, 128, 1), half = source_of(1000, 128, 0.5),
                        most = source_of(1000, 100, 0.75);

  EXPECT_EQ(full.properties().tokens, 10u * 128u);
  EXPECT_NEAR(static_cast<double>(half.properties().tokens), 1000 * 64, 100);
  EXPECT_EQ(half.shape(0).length, 5);
  EXPECT_EQ(half.shape(999).length, 128);
  EXPECT_NEAR(static_cast<double>(most.properties().tokens), 1000 * 75, 100);
  EXPECT_EQ(most.shape(0).length, 50);
  EXPECT_EQ(most.shape(999).length, 100);
}

TEST(SyntheticSource, SamplesAreTwoSegmentsOfOrdinaryTokens) {
  const Vocabulary vocabulary = synthetic_vocabulary(9);
  const SyntheticSource source({.samples = 50, .max_length = 12, .fill = 0.5, .seed = 1},
                               vocabulary);
  const SpecialTokens& special = vocabulary.special();
  const std::set<std::uint32_t> frame{special.cls, special.sep};
  StoredSample sample;

  for (std::uint64_t i = 0; i < source.size(); ++i) {
    source.read(i, sample);

    const auto length = static_cast<std::int64_t>(sample.tokens.size());
    ASSERT_EQ(length, source.shape(i).length);
    ASSERT_EQ(sample.a_length, source.shape(i).a_length);
    for (std::int64_t at = 0; at < length; ++at) {
      const std::uint32_t token = sample.tokens[static_cast<std::size_t>(at)];
      const bool ends_segment = at == sample.a_length - 1 || at == length - 1;
      const std::uint32_t framed = at == 0 ? special.cls : special.sep;
      if (at == 0 || ends_segment) {
        EXPECT_EQ(token, framed);
      } else {
        EXPECT_GE(token, 5u);
        EXPECT_LT(token, 9u);
      }
      EXPECT_EQ(sample.segments[static_cast<std::size_t>(at)], at < sample.a_length ? 0 : 1);
    }
  }
}

TEST(SyntheticSource, TheSameIndexIsTheSameSample) {
  const SyntheticSource source = source_of(8, 64, 0.5);
  StoredSample first, again, other;

  source.read(3, first);
  source.read(4, other);
  source.read(3, again);

  EXPECT_EQ(first.tokens, again.tokens);
  EXPECT_EQ(first.is_random_next, again.is_random_next);
  EXPECT_NE(first.tokens, other.tokens);
}

TEST(SyntheticSource, RefusesWhatMakesNoSample) {
  const auto refusal = [](auto action, const char* text) {
    EXPECT_THAT(action, ThrowsMessage<UsageError>(HasSubstr(text)));
  };

  refusal([] { source_of(1, 4, 1); }, "1 samples of 4 tokens, expected at least 1 of 5");
  refusal([] { source_of(0, 8, 1); }, "0 samples of 8 tokens");
  refusal([] { source_of(1, 8, 0); }, "the fill is 0, expected above 0 and at most 1");
  refusal([] { source_of(1, 8, 1.5); }, "the fill is 1.5");
  refusal([] { synthetic_vocabulary(5); }, "5 entries, expected at least 6");
  refusal(
      [] {
        SyntheticSource({.samples = 1}, Vocabulary({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}));
      },
      "the vocabulary has 5 entries and none but special ones");
}

}  // namespace
}  // namespace bertyard
