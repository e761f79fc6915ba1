// SPDX-License-Identifier: Apache-2.0
#include "data/batches/block_sampler.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

// Keep the permutations of blocks and of places apart from each other and from Sampler's own.
constexpr std::uint64_t kBlocks = 0x9E3779B97F4A7C15u;
constexpr std::uint64_t kPlaces = 0xC2B2AE3D27D4EB4Fu;
constexpr std::uint32_t kOrigin = 0xB10C;

std::uint64_t checked(std::uint64_t samples, const BlockShuffle& shuffle) {
  if (samples == 0) throw DataError("sampler: there are no samples; expected at least 1");
  if (shuffle.block == 0 || shuffle.window == 0) {
    throw UsageError(fmt::format("sampler: blocks of {} samples in windows of {}, expected above 0",
                                 shuffle.block, shuffle.window));
  }
  return samples;
}

}  // namespace

BlockSampler::BlockSampler(std::uint64_t seed, std::uint64_t samples, const BlockShuffle& shuffle)
    : seed_(seed),
      samples_(checked(samples, shuffle)),
      shuffle_(shuffle),
      whole_blocks_(samples / shuffle.block),
      whole_windows_(whole_blocks_ / shuffle.window) {
  const std::uint64_t places = shuffle.block * shuffle.window;
  if (whole_blocks_ > 0) blocks_.emplace(seed ^ kBlocks, whole_blocks_);
  if (whole_windows_ > 0) window_.emplace(seed ^ kPlaces, places);
  if (const std::uint64_t rest = samples - whole_windows_ * places; rest > 0) {
    rest_.emplace(seed ^ kPlaces, rest);
  }
}

Sampler::Draw BlockSampler::at(std::uint64_t global_index) const {
  const std::uint64_t epoch = global_index / samples_;
  const std::uint64_t index = global_index % samples_;
  const std::uint64_t places = shuffle_.block * shuffle_.window;
  const std::uint64_t window = index / places;
  const Sampler& within = window < whole_windows_ ? *window_ : *rest_;
  // A window of an epoch is an epoch of its own to the Sampler.
  const std::uint64_t number = epoch * (whole_windows_ + 1) + window;
  const std::uint64_t place =
      within.at(number * within.samples() + (index - window * places)).sample_id;
  const std::uint64_t slot = window * shuffle_.window + place / shuffle_.block;
  const std::uint64_t block =
      slot < whole_blocks_ ? blocks_->at(epoch * whole_blocks_ + slot).sample_id : slot;
  PhiloxSequence origin(seed_, RandomPurpose::sample_order, kOrigin, epoch);
  const std::uint64_t sample =
      (block * shuffle_.block + place % shuffle_.block + origin.next_u64() % samples_) % samples_;
  return {sample, static_cast<std::uint32_t>(epoch)};
}

}  // namespace bertyard
