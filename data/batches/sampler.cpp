// SPDX-License-Identifier: Apache-2.0
#include "data/batches/sampler.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/vector_loops.h"

namespace bertyard {
namespace {

constexpr std::uint32_t kRounds = 6;
// Below 64 values a network has too few different round functions to reach all permutations.
constexpr int kLeastHalfBits = 3;

}  // namespace

Sampler::Sampler(std::uint64_t seed, std::uint64_t samples)
    : seed_(seed ^ (static_cast<std::uint64_t>(RandomPurpose::sample_order) << 56)),
      samples_(samples),
      half_bits_(std::max(kLeastHalfBits, (static_cast<int>(std::bit_width(samples)) + 1) / 2)) {
  if (samples == 0) throw DataError("sampler: there are no samples; expected at least 1");
}

std::uint64_t Sampler::encrypt(std::uint64_t value, std::uint64_t epoch) const {
  const std::uint64_t half_mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & half_mask;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const PhiloxBlock block =
        philox4x32(philox_key(seed_),
                   {{static_cast<std::uint32_t>(right), round, static_cast<std::uint32_t>(epoch),
                     static_cast<std::uint32_t>(epoch >> 32)}});
    const std::uint64_t mixed = left ^ (block.word[0] & half_mask);
    left = right;
    right = mixed;
  }
  return (left << half_bits_) | right;
}

Sampler::Draw Sampler::at(std::uint64_t global_index) const {
  const std::uint64_t epoch = global_index / samples_;
  std::uint64_t value = global_index % samples_;
  // Walking the cycle back into range keeps a permutation of the larger domain one of ours.
  do {
    value = encrypt(value, epoch);
  } while (value >= samples_);
  return {value, static_cast<std::uint32_t>(epoch)};
}

void Sampler::fill(std::uint64_t first_index, std::span<Draw> draws) const {
  const VectorLoops& loops = vector_loops();
  const auto half_mask = static_cast<std::uint32_t>((std::uint64_t{1} << half_bits_) - 1);
  FeistelLanes lanes;
  std::array<std::size_t, FeistelLanes::kCount> place{};  // in draws; its size: nothing to do
  std::size_t next = 0;
  std::size_t done = 0;
  const auto start = [&](std::size_t lane) {
    place[lane] = next;
    if (next == draws.size()) return;
    const std::uint64_t index = first_index + next++;
    const std::uint64_t value = index % samples_;
    const std::uint64_t epoch = index / samples_;
    lanes.left[lane] = value >> half_bits_;
    lanes.right[lane] = value & half_mask;
    lanes.epoch_low[lane] = static_cast<std::uint32_t>(epoch);
    lanes.epoch_high[lane] = epoch >> 32;
  };
  for (std::size_t lane = 0; lane < FeistelLanes::kCount; ++lane) start(lane);
  while (done < draws.size()) {
    loops.encrypt(lanes, philox_key(seed_), kRounds, half_mask);
    for (std::size_t lane = 0; lane < FeistelLanes::kCount; ++lane) {
      const std::uint64_t value = (lanes.left[lane] << half_bits_) | lanes.right[lane];
      if (place[lane] == draws.size() || value >= samples_) continue;
      draws[place[lane]] = {value, static_cast<std::uint32_t>(lanes.epoch_low[lane])};
      ++done;
      start(lane);
    }
  }
}

}  // namespace bertyard
