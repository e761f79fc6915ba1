// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/instruction_set.h"

// The draws of core/base/philox.h for many blocks at once, one block a vector lane. (That header's
// own function is inline and shared, so it must not be compiled here with wide instructions.)
namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

struct PhiloxLane {
  std::uint32_t c0, c1, c2, c3, k0, k1;
};

[[gnu::always_inline]] inline void philox_round(PhiloxLane& s) {
  const std::uint64_t product0 = static_cast<std::uint64_t>(0xD2511F53u) * s.c0;
  const std::uint64_t product1 = static_cast<std::uint64_t>(0xCD9E8D57u) * s.c2;
  s.c0 = static_cast<std::uint32_t>(product1 >> 32) ^ s.c1 ^ s.k0;
  s.c1 = static_cast<std::uint32_t>(product1);
  s.c2 = static_cast<std::uint32_t>(product0 >> 32) ^ s.c3 ^ s.k1;
  s.c3 = static_cast<std::uint32_t>(product0);
  s.k0 += 0x9E3779B9u;
  s.k1 += 0xBB67AE85u;
}

// words[4 b + w] = word w of block first + b.   words [4 blocks]
inline void philox_words(std::uint32_t* words, const DropoutRow& row, std::uint32_t first,
                         int blocks) {
#pragma omp simd
  for (int b = 0; b < blocks; ++b) {
    PhiloxLane s = {row.counter[0], row.counter[1],
                    row.counter[2], first + static_cast<std::uint32_t>(b),
                    row.key_low,    row.key_high};
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    philox_round(s);
    words[4 * b] = s.c0;
    words[4 * b + 1] = s.c1;
    words[4 * b + 2] = s.c2;
    words[4 * b + 3] = s.c3;
  }
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "a word's halves are read below as two 16-bit draws, the low one first");
using Draw [[gnu::may_alias]] = std::uint16_t;

// factor[e] = scale where element first_element + e is kept, else 0, for `count` elements.
inline void dropout_factors(float* factor, const DropoutRow& row, std::int64_t first_element,
                            std::int64_t count) {
  constexpr int kBlocks = 64;
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
