// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/philox.h"

namespace bertyard {

// Halves of values on their way through a Feistel network, side by side, and the epoch that
// permutes them; every number has 32 bits at most.
struct FeistelLanes {
  static constexpr std::size_t kCount = 16;
  alignas(64) std::uint64_t left[kCount] = {};
  alignas(64) std::uint64_t right[kCount] = {};
  alignas(64) std::uint64_t epoch_low[kCount] = {};
  alignas(64) std::uint64_t epoch_high[kCount] = {};
};

// Where a batch keeps what every token has, from the first token of a sample on.
struct SampleRows {
  std::int32_t* tokens;
  std::int32_t* positions;
  std::int32_t* segments;
  std::uint64_t* samples;
};

// Loops over whole numbers that every sample of every step goes through, compiled once for every
// instruction set; all of them give the same numbers.
struct VectorLoops {
  const char* instruction_set;  // "avx512", "avx2" or "generic"
  // `rounds` times (left, right) becomes (right, left ^ f(right)), f being the bits of `half_mask`
  // in word 0 of philox4x32(key, {right, round, epoch_low, epoch_high}).
  void (*encrypt)(FeistelLanes& lanes, PhiloxKey key, std::uint32_t rounds,
                  std::uint32_t half_mask);
  // Copy `count` ids and return the greatest; 0 where there are none.
  std::uint32_t (*widen_16)(const std::uint16_t* from, std::size_t count, std::uint32_t* to);
  std::uint32_t (*widen_32)(const std::uint32_t* from, std::size_t count, std::uint32_t* to);
  // Tokens and segments are copied, positions count from 0, samples are all `global_index`.
  void (*fill_rows)(const SampleRows& rows, std::size_t count, const std::uint32_t* tokens,
                    const std::uint8_t* segments, std::uint64_t global_index);
};

// The best that this processor has.
const VectorLoops& vector_loops();
// By name; nullptr where this processor or this build lacks it.
const VectorLoops* vector_loops(std::string_view instruction_set);

}  // namespace bertyard
