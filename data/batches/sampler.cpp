// SPDX-License-Identifier: Apache-2.0
#include "data/batches/sampler.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

constexpr std::uint32_t kRounds = 6;
// Below 64 values a network has too few different round functions to reach all permutations.
constexpr int kLeastHalfBits = 3;

// Values that are encrypted side by side, in loops that compilers turn into vector instructions
// where they are told to; 16 are faster than 8 with SSE2 too.
constexpr std::size_t kLanes = 16;
struct alignas(64) Lanes {
  std::uint32_t at[kLanes];
};

// Word 0 of philox4x32(key, {c0, c1, c2, c3}) of every lane.
void philox_lanes(PhiloxKey key, Lanes& c0, Lanes& c1, Lanes& c2, Lanes& c3) {
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * c0.at[i];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * c2.at[i];
      c0.at[i] = static_cast<std::uint32_t>(product1 >> 32) ^ c1.at[i] ^ key.low;
      c2.at[i] = static_cast<std::uint32_t>(product0 >> 32) ^ c3.at[i] ^ key.high;
      c1.at[i] = static_cast<std::uint32_t>(product1);
      c3.at[i] = static_cast<std::uint32_t>(product0);
    }
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
}

// Values on their walks through Sampler::encrypt(). Halves have at most 32 bits.
struct Walks {
  Lanes left{}, right{}, epoch_low{}, epoch_high{};

  void set(std::size_t lane, std::uint64_t value, std::uint64_t epoch, int half_bits) {
    left.at[lane] = static_cast<std::uint32_t>(value >> half_bits);
    right.at[lane] = static_cast<std::uint32_t>(value & ((std::uint64_t{1} << half_bits) - 1));
    epoch_low.at[lane] = static_cast<std::uint32_t>(epoch);
    epoch_high.at[lane] = static_cast<std::uint32_t>(epoch >> 32);
  }
  std::uint64_t value(std::size_t lane, int half_bits) const {
    return (std::uint64_t{left.at[lane]} << half_bits) | right.at[lane];
  }
  void step(PhiloxKey key, std::uint32_t half_mask) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      Lanes word = right, rounds, low = epoch_low, high = epoch_high;
      std::fill_n(rounds.at, kLanes, round);
      philox_lanes(key, word, rounds, low, high);
#pragma omp simd
      for (std::size_t i = 0; i < kLanes; ++i) {
        const std::uint32_t mixed = left.at[i] ^ (word.at[i] & half_mask);
        left.at[i] = right.at[i];
        right.at[i] = mixed;
      }
    }
  }
};

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
  const auto half_mask = static_cast<std::uint32_t>((std::uint64_t{1} << half_bits_) - 1);
  Walks walks;
  std::array<std::size_t, kLanes> place{};  // in draws; its size where the lane has nothing to do
  std::size_t next = 0;
  std::size_t done = 0;
  const auto start = [&](std::size_t lane) {
    place[lane] = next;
    if (next == draws.size()) return;
    const std::uint64_t index = first_index + next++;
    walks.set(lane, index % samples_, index / samples_, half_bits_);
  };
  for (std::size_t lane = 0; lane < kLanes; ++lane) start(lane);
  while (done < draws.size()) {
    walks.step(philox_key(seed_), half_mask);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t value = walks.value(lane, half_bits_);
      if (place[lane] == draws.size() || value >= samples_) continue;
      draws[place[lane]] = {value, walks.epoch_low.at[lane]};
      ++done;
      start(lane);
    }
  }
}

}  // namespace bertyard
