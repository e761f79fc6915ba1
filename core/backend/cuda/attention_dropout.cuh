// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "core/backend/cuda/attention_arguments.h"

namespace bertyard {

// The part of the random counter that belongs to a query.
struct QueryCounter {
  std::uint32_t word0 = 0, word1 = 0;
};

__device__ inline QueryCounter query_counter(const AttentionDropout& dropout, std::int64_t token) {
  const std::uint64_t sample = dropout.sample[token];
  return {static_cast<std::uint32_t>(sample),
          static_cast<std::uint32_t>(sample >> 32) << 16 |
              static_cast<std::uint32_t>(dropout.position[token])};
}

// Bit b: whether the key at position 8 block + b is kept.
__device__ inline std::uint32_t kept_of_block(const AttentionDropout& dropout, QueryCounter query,
                                              int head, int block) {
  const PhiloxBlock draws = philox4x32(
      dropout.key, {{query.word0, query.word1, dropout.layer_and_site,
                     static_cast<std::uint32_t>(head) << 16 | static_cast<std::uint32_t>(block)}});
  const std::uint32_t limit = dropout.threshold << 16;
  std::uint32_t kept = 0;
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    kept |= static_cast<std::uint32_t>(draws.word[w] << 16 >= limit) << (2 * w);
    kept |= static_cast<std::uint32_t>(draws.word[w] >= limit) << (2 * w + 1);
  }
  return kept;
}

// Bit b: whether the key at `position` + b is kept, b < 8. Positions that start a sequence are
// multiples of 8, all but always: then one block answers.
__device__ inline std::uint32_t kept_keys(const AttentionDropout& dropout, QueryCounter query,
                                          int head, int position) {
  std::uint32_t kept = kept_of_block(dropout, query, head, position / 8);
  const int shift = position % 8;
  if (shift != 0) {
    kept |= kept_of_block(dropout, query, head, position / 8 + 1) << 8;
    kept = kept >> shift & 0xFFu;
  }
  return kept;
}

}  // namespace bertyard
