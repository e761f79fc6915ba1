// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/base/philox.h"

// philox4x32() for a vector register of counters, as wide as the file that includes this is
// compiled for: so all of it is that file's own, and calls no inline function of another header.
// The product of 64-bit lanes' low halves is an instruction that compilers do not find.
namespace bertyard {
namespace {

#if defined(__AVX512F__)
inline constexpr std::size_t kPhiloxLanes = 8;
#elif defined(__AVX2__)
inline constexpr std::size_t kPhiloxLanes = 4;
#else
inline constexpr std::size_t kPhiloxLanes = 2;
#endif
using PhiloxLanes [[gnu::vector_size(8 * kPhiloxLanes)]] = std::uint64_t;

// A word of every counter, each in the low half of its lane; the high halves may hold anything.
struct PhiloxVector {
  PhiloxLanes word[4];
};

// Rounds wait for each other: so many vectors side by side hide that.
inline constexpr std::size_t kPhiloxVectors = 2;

inline constexpr std::uint64_t kPhiloxWord = 0xFFFFFFFFu;  // mask of a lane's low half

[[gnu::always_inline]] inline PhiloxLanes all_lanes(std::uint64_t value) {
  return PhiloxLanes{} + value;
}

// Of the low halves.
[[gnu::always_inline]] inline PhiloxLanes full_product(PhiloxLanes a, PhiloxLanes b) {
#if defined(__AVX512F__)
  // The form without a mask makes GCC 12 warn of a value that is not set.
  return (PhiloxLanes)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (PhiloxLanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (PhiloxLanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & kPhiloxWord) * (b & kPhiloxWord);
#endif
}

// Every vector of `counters` becomes philox4x32(key, counters), lane by lane.
[[gnu::always_inline]] inline void philox4x32_vectors(PhiloxKey key,
                                                      PhiloxVector (&counters)[kPhiloxVectors]) {
  for (int round = 0; round < 10; ++round) {
    for (PhiloxVector& counter : counters) {
      PhiloxLanes(&c)[4] = counter.word;
      const PhiloxLanes product0 = full_product(c[0], all_lanes(0xD2511F53u));
      const PhiloxLanes product1 = full_product(c[2], all_lanes(0xCD9E8D57u));
      c[0] = (product1 >> 32) ^ c[1] ^ all_lanes(key.low);
      c[1] = product1;
      c[2] = (product0 >> 32) ^ c[3] ^ all_lanes(key.high);
      c[3] = product0;
    }
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
}

}  // namespace
}  // namespace bertyard
