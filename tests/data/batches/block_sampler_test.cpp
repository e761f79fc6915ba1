// SPDX-License-Identifier: Apache-2.0
#include "data/batches/block_sampler.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/data/made_samples.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;

std::vector<std::uint64_t> epoch_of(const BlockSampler& sampler, std::uint64_t samples,
                                    std::uint64_t epoch) {
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < samples; ++i) {
    const Sampler::Draw draw = sampler.at(epoch * samples + i);
    EXPECT_EQ(draw.epoch, epoch);
    order.push_back(draw.sample_id);
  }
  return order;
}

bool is_permutation(std::vector<std::uint64_t> order) {
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] != i) return false;
  }
  return true;
}

TEST(BlockSampler, EveryEpochIsAnotherPermutationWhateverTheSizes) {
  for (const std::uint64_t samples : {1u, 2u, 7u, 63u, 64u, 65u, 1000u, 4097u}) {
    for (const BlockShuffle shuffle : {BlockShuffle{1, 1}, BlockShuffle{8, 4}, BlockShuffle{5, 3},
                                       BlockShuffle{64, 2}, BlockShuffle{5000, 9}}) {
      const BlockSampler sampler(3, samples, shuffle);
      const auto first = epoch_of(sampler, samples, 0), second = epoch_of(sampler, samples, 1);
      EXPECT_TRUE(is_permutation(first)) << samples << " " << shuffle.block;
      EXPECT_TRUE(is_permutation(second)) << samples << " " << shuffle.block;
      if (samples < 63) continue;
      EXPECT_NE(first, second);
    }
  }
}

TEST(BlockSampler, AWindowReadsNoMoreThanItsBlocks) {
  constexpr std::uint64_t kSamples = 10000;
  const BlockShuffle shuffle{50, 8};
  const auto order = epoch_of(BlockSampler(1, kSamples, shuffle), kSamples, 3);
  for (std::uint64_t window = 0; window < kSamples / 400; ++window) {
    // Runs of neighbours among what the window reads.
    std::set<std::uint64_t> read(order.begin() + static_cast<std::ptrdiff_t>(400 * window),
                                 order.begin() + static_cast<std::ptrdiff_t>(400 * window + 400));
    std::size_t runs = 0;
    for (const std::uint64_t sample : read) runs += read.contains(sample - 1) ? 0 : 1;
    EXPECT_LE(runs, 9u);  // eight, and one more where a block wraps around the end of the data
  }
}

TEST(BlockSampler, MixesWithinAWindowAndOverTheData) {
  const auto order = epoch_of(BlockSampler(1, 10000, {50, 8}), 10000, 0);
  std::size_t in_a_row = 0;
  for (std::size_t i = 1; i < order.size(); ++i) in_a_row += order[i] == order[i - 1] + 1 ? 1 : 0;
  EXPECT_LT(in_a_row, 60u);  // 25 are expected of 400 at random
  const auto [low, high] = std::minmax_element(order.begin(), order.begin() + 400);
  EXPECT_GT(*high - *low, 5000u);
}

TEST(BlockSampler, SeedsDiffer) {
  EXPECT_NE(epoch_of(BlockSampler(1, 500, {10, 5}), 500, 0),
            epoch_of(BlockSampler(2, 500, {10, 5}), 500, 0));
}

TEST(BlockSampler, SizesWithoutSenseAreRefused) {
  EXPECT_THROW(BlockSampler(1, 0, {}), DataError);
  try {
    BlockSampler(1, 10, {0, 5});
    FAIL() << "no error";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("blocks of 0 samples in windows of 5"));
  }
}

TEST(BlockSampler, AStreamByBlocksIsTheSameForAnyRanksAndFromAnyPlace) {
  const MadeSamples source(1000);
  const Masker masker = make_masker();
  BatchStreamOptions options = stream_options();
  options.blocks = BlockShuffle{32, 4};

  const auto whole = rows_of(source, &masker, options, 30);
  options.world = 2;
  EXPECT_EQ(rows_of(source, &masker, options, 30), whole);
  options.world = 1;
  options.start_index = 15 * 40;
  auto second_half = whole;
  std::erase_if(second_half, [](const auto& entry) { return entry.first < 15 * 40; });
  EXPECT_EQ(rows_of(source, &masker, options, 15), second_half);
}

}  // namespace
}  // namespace bertyard
