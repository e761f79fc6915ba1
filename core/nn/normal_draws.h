// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace bertyard {

// Names a sequence of normal draws: PhiloxSequence(seed, initialization, 0, stream).
struct NormalDraws {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  double deviation = 1;
  double limit = 1e9;  // standard deviations; what lies beyond is drawn again
};

// values[i] = deviation z_i, the z_i being Box-Muller on the pairs of the sequence's 32-bit draws,
// without those beyond the limit:
// z = sqrt(-2 log(1 - u1)) cos(2 pi u2), with the C library's functions.
// The same numbers for any number of threads.
void fill_normal(std::span<float> values, const NormalDraws& draws, int threads);

}  // namespace bertyard
