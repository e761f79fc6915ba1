// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cuda/attention_arguments.h"
#include "core/backend/cuda/elements.cuh"

namespace bertyard {

// Tokens behind the last sequence fill a micro-batch up to its capacity: they get 0. The kernels'
// grids have one sequence more than there are; its blocks call this.
// `parts` times [head_size] of a row of `to`, `hidden` apart, of head blockIdx.y.
template <typename T>
__device__ void clear_filler(void* to, int parts, const AttentionArguments& arguments) {
  const int hidden = arguments.hidden();
  const std::int64_t first = arguments.offsets[arguments.sequences];
  const std::int64_t count = (arguments.tokens - first) * arguments.head_size;
  T* column = static_cast<T*>(to) + static_cast<int>(blockIdx.y) * arguments.head_size;
  for (std::int64_t item = threadIdx.x; item < count; item += blockDim.x) {
    const std::int64_t row = (first + item / arguments.head_size) * parts;
    for (int part = 0; part < parts; ++part) {
      column[(row + part) * hidden + item % arguments.head_size] = from_float<T>(0.0f);
    }
  }
}
__device__ inline void clear_filler_log_sum(const AttentionArguments& arguments) {
  if (arguments.log_sum == nullptr) return;
  const int first = arguments.offsets[arguments.sequences];
  for (int token = first + static_cast<int>(threadIdx.x); token < arguments.tokens;
       token += static_cast<int>(blockDim.x)) {
    arguments.log_sum[static_cast<std::int64_t>(token) * arguments.heads + blockIdx.y] = 0;
  }
}

}  // namespace bertyard
