// SPDX-License-Identifier: Apache-2.0
#include "data/batches/sampler.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

std::vector<std::uint64_t> epoch_of(const Sampler& sampler, std::uint64_t epoch) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 0; i < sampler.samples(); ++i) {
    const Sampler::Draw draw = sampler.at(epoch * sampler.samples() + i);
    EXPECT_EQ(draw.epoch, epoch);
    ids.push_back(draw.sample_id);
  }
  return ids;
}

TEST(Sampler, EveryEpochIsAPermutationForAnyNumberOfSamples) {
  std::vector<std::uint64_t> sizes{63, 64, 65, 127, 128, 255, 256, 257, 1000, 4095, 4097, 20011};
  for (std::uint64_t n = 1; n <= 40; ++n) sizes.push_back(n);
  for (const std::uint64_t n : sizes) {
    for (const std::uint64_t epoch : {0u, 1u, 7u}) {
      std::vector<std::uint64_t> ids = epoch_of(Sampler(3, n), epoch);
      std::sort(ids.begin(), ids.end());
      for (std::uint64_t i = 0; i < n; ++i) ASSERT_EQ(ids[i], i) << n << " samples";
    }
  }
}

TEST(Sampler, EpochsAndSeedsGiveOtherOrders) {
  const Sampler sampler(1, 1000);

  EXPECT_NE(epoch_of(sampler, 0), epoch_of(sampler, 1));
  EXPECT_NE(epoch_of(sampler, 0), epoch_of(Sampler(2, 1000), 0));
  EXPECT_EQ(epoch_of(sampler, 5), epoch_of(Sampler(1, 1000), 5));
}

TEST(Sampler, AllOrdersOfThreeSamplesAreEquallyLikely) {
  const Sampler sampler(9, 3);
  std::map<std::vector<std::uint64_t>, int> counts;

  for (std::uint64_t epoch = 0; epoch < 6000; ++epoch) ++counts[epoch_of(sampler, epoch)];

  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 4 * 29);  // 4 sigma
}

TEST(Sampler, APlaceOfTheEpochGetsEverySampleEquallyOften) {
  const Sampler sampler(9, 50);
  std::array<int, 50> counts{};

  for (std::uint64_t epoch = 0; epoch < 50000; ++epoch) ++counts[sampler.at(epoch * 50).sample_id];

  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * 32);  // 5 sigma, 50 looks
}

TEST(Sampler, NeighboursAreNotNeighboursAfterwards) {
  const std::vector<std::uint64_t> ids = epoch_of(Sampler(4, 10000), 0);
  int adjacent = 0;

  for (std::size_t i = 1; i < ids.size(); ++i) adjacent += ids[i] == ids[i - 1] + 1 ? 1 : 0;

  EXPECT_LE(adjacent, 6);  // one is expected of a random order
}

TEST(Sampler, ManyAtATimeAreWhatEachIsAlone) {
  for (const std::uint64_t n : {1u, 3u, 50u, 1000u, 65537u, 1u << 20}) {
    const Sampler sampler(7, n);
    for (const std::size_t count : {1u, 7u, 8u, 9u, 300u}) {
      for (const std::uint64_t first : {std::uint64_t{0}, n - 1, 5 * n + 3, n << 33}) {
        std::vector<Sampler::Draw> draws(count);
        sampler.fill(first, draws);
        for (std::size_t i = 0; i < count; ++i) {
          const Sampler::Draw alone = sampler.at(first + i);
          ASSERT_EQ(draws[i].sample_id, alone.sample_id);
          ASSERT_EQ(draws[i].epoch, alone.epoch);
        }
      }
    }
  }
}

TEST(Sampler, NoSamplesAreRefused) {
  EXPECT_THROW(Sampler(1, 0), DataError);
}

}  // namespace
}  // namespace bertyard
