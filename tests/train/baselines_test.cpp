// SPDX-License-Identifier: Apache-2.0
#include "train/baselines.h"

#include <cmath>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

// Samples given in full, ids below 5.
class GivenSamples final : public SampleSource {
 public:
  explicit GivenSamples(std::vector<StoredSample> samples) : samples_(std::move(samples)) {
    properties_.samples = samples_.size();
    for (const StoredSample& sample : samples_) properties_.tokens += sample.tokens.size();
  }
  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override {
    return {std::ssize(samples_[index].tokens), samples_[index].a_length, 0};
  }
  void read(std::uint64_t index, StoredSample& sample) const override { sample = samples_[index]; }
  void verify() const override {}

 private:
  std::vector<StoredSample> samples_;
  SourceProperties properties_;
};

StoredSample sample_of(std::vector<std::uint32_t> tokens) {
  StoredSample sample;
  sample.a_length = std::ssize(tokens);
  sample.segments.assign(tokens.size(), 0);
  sample.tokens = std::move(tokens);
  return sample;
}

// Training text 1 3 4 2, twice, and 1 3 3 2. Next tokens: 3, 4, 2, 3, 4, 2, 3, 3, 2, so with
// add-one over 5 ids p(3) = 5/14, p(4) = 3/14, p(2) = 4/14; what follows 3 is 4 twice, 3 once, 2
// once.
class NextTokenBaselines : public ::testing::Test {
 protected:
  const GivenSamples train_{
      {sample_of({1, 3, 4, 2}), sample_of({1, 3, 4, 2}), sample_of({1, 3, 3, 2})}};
  static double smoothed(double pair, double before, double p, double k) {
    return (pair + k * p) / (before + k);
  }
};

TEST_F(NextTokenBaselines, AreThoseWorkedByHand) {
  StoredSample masked = sample_of({1, 0, 4, 2});  // 3 behind its stored mask
  masked.mask_positions = {1};
  masked.mask_labels = {3};
  const GivenSamples held_out({masked});

  const Baselines found = next_token_baselines({.source = held_out}, train_, 5);

  EXPECT_EQ(found.masked, 3);
  EXPECT_EQ(found.samples, 1);
  EXPECT_DOUBLE_EQ(found.most_frequent_accuracy, 1.0 / 3);  // 3, of 3 4 2
  EXPECT_NEAR(found.unigram_cross_entropy,
              -(std::log(5.0 / 14) + std::log(3.0 / 14) + std::log(4.0 / 14)) / 3, 1e-12);
  // c(1 3) = 3 of 3, c(3 4) = 2 of 4, c(4 2) = 2 of 2; the least smoothing is the best here.
  const double bigram =
      -(std::log(smoothed(3, 3, 5.0 / 14, 1)) + std::log(smoothed(2, 4, 3.0 / 14, 1)) +
        std::log(smoothed(2, 2, 4.0 / 14, 1))) /
      3;
  EXPECT_NEAR(found.bigram_cross_entropy.value(), bigram, 1e-12);
}

// Backwards the training text says 2 4 3 1, twice, and 2 3 3 1: what comes are 4, 3, 1, 4, 3, 1, 3,
// 3, 1, so p(3) = 5/14, p(4) = 3/14, p(1) = 4/14.
TEST_F(NextTokenBaselines, OfNeighboursAreTheMeansOfBothReadings) {
  const GivenSamples held_out({sample_of({1, 3, 4, 2})});

  const Baselines found = neighbour_baselines({.source = held_out}, train_, 5),
                  forward = next_token_baselines({.source = held_out}, train_, 5);

  EXPECT_EQ(found.masked, 6);
  EXPECT_EQ(found.samples, 1);
  EXPECT_DOUBLE_EQ(found.most_frequent_accuracy, 1.0 / 3);
  const double unigram = -(std::log(3.0 / 14) + std::log(5.0 / 14) + std::log(4.0 / 14)) / 3;
  EXPECT_NEAR(found.unigram_cross_entropy, (forward.unigram_cross_entropy + unigram) / 2, 1e-12);
  // c(2 4) = 2 of 3, c(4 3) = 2 of 2, c(3 1) = 3 of 4.
  const double bigram =
      -(std::log(smoothed(2, 3, 3.0 / 14, 1)) + std::log(smoothed(2, 2, 5.0 / 14, 1)) +
        std::log(smoothed(3, 4, 4.0 / 14, 1))) /
      3;
  EXPECT_NEAR(found.bigram_cross_entropy.value(),
              (forward.bigram_cross_entropy.value() + bigram) / 2, 1e-12);
}

// Pairs that were never seen: no smoothing is too strong.
TEST_F(NextTokenBaselines, TheBigramTakesTheStrengthThatIsBest) {
  const GivenSamples held_out({sample_of({4, 3})});

  const Baselines found = next_token_baselines({.source = held_out}, train_, 5);

  EXPECT_NEAR(found.bigram_cross_entropy.value(), -std::log(smoothed(0, 2, 5.0 / 14, 10000)),
              1e-12);
}

TEST_F(NextTokenBaselines, CutAndLimitAsTheEvaluationDoes) {
  const GivenSamples held_out(
      {sample_of({1, 3, 4, 4, 4, 4, 4, 4, 2}), sample_of({1, 4, 2}), sample_of({1, 4, 2})});

  const Baselines found =
      next_token_baselines({.source = held_out, .sample_limit = 2, .max_length = 5}, train_, 5);

  EXPECT_EQ(found.samples, 2);
  EXPECT_EQ(found.masked, 4 + 2);
}

}  // namespace
}  // namespace bertyard
