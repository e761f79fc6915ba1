// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "core/base/host_device.h"

namespace bertyard {

// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a pure
// function of a 64-bit key and a 128-bit counter. Host and device compile this same file.
struct PhiloxBlock {
  std::uint32_t word[4];
};

struct PhiloxKey {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
};

BERTYARD_HOST_DEVICE inline constexpr PhiloxKey philox_key(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

BERTYARD_HOST_DEVICE inline constexpr PhiloxBlock philox4x32(PhiloxKey key, PhiloxBlock counter) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
  constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = static_cast<std::uint64_t>(kMultiplier0) * counter.word[0];
    const std::uint64_t product1 = static_cast<std::uint64_t>(kMultiplier1) * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key.low,
                static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key.high,
                static_cast<std::uint32_t>(product0)}};
    key.low += kWeyl0;
    key.high += kWeyl1;
  }
  return counter;
}

// What a stream of draws is for; the top byte of the counter keeps the purposes apart, so that no
// two uses share a block under one seed.
enum class RandomPurpose : std::uint32_t {
  dropout = 0,
  sample_order = 1,
  masking = 2,
  sample_building = 3,
  initialization = 4,
  synthetic_samples = 5,
};

// A sequence of draws under one key and one counter prefix, for host code that draws few numbers:
// (seed, purpose, a, b) names the sequence, e.g. (seed, masking, epoch, sample id).
class PhiloxSequence {
 public:
  PhiloxSequence(std::uint64_t seed, RandomPurpose purpose, std::uint32_t a, std::uint64_t b)
      : key_(philox_key(seed ^ (static_cast<std::uint64_t>(purpose) << 56))),
        counter_{{0, a, static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)}} {}

  std::uint32_t next_u32() {
    if (used_ == 4) {
      block_ = philox4x32(key_, counter_);
      ++counter_.word[0];
      used_ = 0;
    }
    return block_.word[used_++];
  }
  std::uint64_t next_u64() {
    const std::uint64_t low = next_u32();
    return low | (static_cast<std::uint64_t>(next_u32()) << 32);
  }
  // Uniform in [0, 1) with 32 bits.
  double next_unit() { return next_u32() * 0x1p-32; }
  // Uniform in [0, bound), without bias (Lemire's multiplication with rejection). bound > 0.
  std::uint32_t next_below(std::uint32_t bound) {
    std::uint64_t product = static_cast<std::uint64_t>(next_u32()) * bound;
    auto low = static_cast<std::uint32_t>(product);
    if (low < bound) {
      const std::uint32_t threshold = (0u - bound) % bound;
      while (low < threshold) {
        product = static_cast<std::uint64_t>(next_u32()) * bound;
        low = static_cast<std::uint32_t>(product);
      }
    }
    return static_cast<std::uint32_t>(product >> 32);
  }
  // Uniform in [low, high], both included.
  std::uint32_t next_in(std::uint32_t low, std::uint32_t high) {
    return low + next_below(high - low + 1);
  }

 private:
  PhiloxKey key_;
  PhiloxBlock counter_;
  PhiloxBlock block_{};
  int used_ = 4;
};

}  // namespace bertyard
