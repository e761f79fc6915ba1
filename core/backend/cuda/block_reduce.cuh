// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cuda/warp.cuh"

namespace bertyard {

// One value of all threads of a block of kThreads, by `merge(a, b)` over a fixed tree, in
// slots[0]; every thread gets it. `slots` is shared memory [kThreads].
template <int kThreads, typename T, typename Merge>
__device__ T block_reduce(T value, T* slots, Merge merge) {
  const int thread = static_cast<int>(threadIdx.x);
  __syncthreads();  // whoever still reads the slots of an earlier reduction
  slots[thread] = value;
  __syncthreads();
  for (int step = kThreads / 2; step > 0; step /= 2) {
    if (thread < step) slots[thread] = merge(slots[thread], slots[thread + step]);
    __syncthreads();
  }
  return slots[0];
}

}  // namespace bertyard
