// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

namespace bertyard {

constexpr unsigned kWholeWarp = 0xFFFFFFFFu;
constexpr int kWarpSize = 32;

// Over the `lanes` neighbours (a power of two) that this lane is among, on each of them; the whole
// warp takes part. The order is that of a butterfly: the same bits on every lane.
template <int lanes = kWarpSize>
__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int step = lanes / 2; step > 0; step /= 2) x += __shfl_xor_sync(kWholeWarp, x, step);
  return x;
}
template <int lanes = kWarpSize>
__device__ inline float warp_max(float x) {
#pragma unroll
  for (int step = lanes / 2; step > 0; step /= 2) {
    x = fmaxf(x, __shfl_xor_sync(kWholeWarp, x, step));
  }
  return x;
}

}  // namespace bertyard
