// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "core/backend/cpu/kernels/instruction_set.h"
#include "core/base/philox_vector.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

constexpr int kPhiloxBlocks = static_cast<int>(kPhiloxVectors * kPhiloxLanes);

// words[4 b + w] = word w of block first + b. `blocks` is rounded up to a multiple of
// kPhiloxBlocks: `words` has room for those too.
inline void philox_words(std::uint32_t* words, const DropoutRow& row, std::uint32_t first,
                         int blocks) {
  constexpr int kVectors = static_cast<int>(kPhiloxVectors);
  constexpr int kVectorLanes = static_cast<int>(kPhiloxLanes);
  PhiloxLanes places{};
  for (int lane = 0; lane < kVectorLanes; ++lane) places[lane] = static_cast<std::uint64_t>(lane);
  for (int b = 0; b < blocks; b += kPhiloxBlocks) {
    PhiloxVector vectors[kPhiloxVectors];
    for (int v = 0; v < kVectors; ++v) {
      const std::uint32_t block = first + static_cast<std::uint32_t>(b + v * kVectorLanes);
      vectors[v] = {{all_lanes(row.counter[0]), all_lanes(row.counter[1]),
                     all_lanes(row.counter[2]), places + all_lanes(block)}};
    }
    philox4x32_vectors({row.key_low, row.key_high}, vectors);
    std::uint64_t pairs[2 * kPhiloxBlocks];
    for (int v = 0; v < kVectors; ++v) {
      const PhiloxLanes(&word)[4] = vectors[v].word;
      const PhiloxLanes low = (word[0] & kPhiloxWord) | (word[1] << 32);
      const PhiloxLanes high = (word[2] & kPhiloxWord) | (word[3] << 32);
      for (int lane = 0; lane < kVectorLanes; ++lane) {
        pairs[2 * (v * kVectorLanes + lane)] = low[lane];
        pairs[2 * (v * kVectorLanes + lane) + 1] = high[lane];
      }
    }
    std::memcpy(words + 4 * b, pairs, sizeof(pairs));
  }
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "a word's halves are read below as two 16-bit draws, the low one first");
using Draw [[gnu::may_alias]] = std::uint16_t;

// factor[e] = scale where element first_element + e is kept, else 0, for `count` elements.
inline void dropout_factors(float* factor, const DropoutRow& row, std::int64_t first_element,
                            std::int64_t count) {
  constexpr int kBlocks = 64;
  static_assert(kBlocks % kPhiloxBlocks == 0);
  std::uint32_t words[4 * kBlocks];
  const auto threshold = static_cast<std::int32_t>(row.threshold);
  const float scale = row.scale;
  std::int64_t written = 0;
  while (written < count) {
    const std::int64_t element = first_element + written;
    const auto skip = static_cast<int>(element % 8);
    const std::int64_t room = 8 * kBlocks - skip;
    const std::int64_t wanted = count - written < room ? count - written : room;
    const auto blocks = static_cast<int>((skip + wanted + 7) / 8);
    philox_words(words, row, row.first_block + static_cast<std::uint32_t>(element / 8), blocks);
    const Draw* draws = reinterpret_cast<const Draw*>(words) + skip;
    float* out = factor + written;
#pragma omp simd
    for (std::int64_t e = 0; e < wanted; ++e) {
      out[e] = static_cast<std::int32_t>(draws[e]) >= threshold ? scale : 0.0f;
    }
    written += wanted;
  }
}

}  // namespace
}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
