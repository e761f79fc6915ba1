// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cuda/column_sums.h"
#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {

// The backward of a LayerNorm, for add_norm and for the embedding. A block takes kRowBlock rows, a
// warp every eighth of them; its sums for dgamma and dbeta stay in registers and meet in shared
// memory, warp after warp, so that no bit depends on timing. Bound by bytes: each row is read and
// written once.
template <typename T>
struct NormBackward {
  T* dx;
  T* dresidual;  // may be null
  const T* dy;
  const T* normalised;
  const float *rstd, *gamma;
  float* partials;  // [blocks, 2, columns]
  std::int64_t rows;
  int columns;
  DropoutDraws input_dropout;   // before the norm
  DropoutDraws output_dropout;  // after it
  Access access;
};

constexpr int kNormBackwardWarps = 8;

// One row; `dgamma` and `dbeta` are this lane's sums, or null and the sums go to `global`.
template <typename T, int kGroups>
__device__ void norm_backward_row(const NormBackward<T>& in, std::int64_t row,
                                  float (*dgamma)[kGroup], float (*dbeta)[kGroup], float* global) {
  const int lane = static_cast<int>(threadIdx.x % kWarpSize);
  const int groups = kGroups > 0 ? kGroups : (in.columns + 255) / 256;
  float kept_dy[kGroups > 0 ? kGroups : 1][kGroup], kept_n[kGroups > 0 ? kGroups : 1][kGroup];
  const auto load = [&](float(&dy)[kGroup], float(&n)[kGroup], int group, int present) {
    const std::int64_t at = row * in.columns + group * kGroup;
    load_group(dy, in.dy + at, present, in.access);
    load_group(n, in.normalised + at, present, in.access);
    if (in.output_dropout.threshold != 0) apply_dropout(dy, in.output_dropout, row, group);
  };
  float sum_g = 0, sum_gn = 0;
#pragma unroll
  for (int k = 0; k < groups; ++k) {
    const int group = lane + k * kWarpSize, present = present_in_group(group, in.columns);
    if (present == 0) continue;
    float(&dy)[kGroup] = kept_dy[kGroups > 0 ? k : 0];
    float(&n)[kGroup] = kept_n[kGroups > 0 ? k : 0];
    load(dy, n, group, present);
    float gamma[kGroup];
    load_group(gamma, in.gamma + group * kGroup, present, in.access);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      if (kGroups > 0) {
        dgamma[kGroups > 0 ? k : 0][i] += dy[i] * n[i];
        dbeta[kGroups > 0 ? k : 0][i] += dy[i];
      } else if (i < present) {
        global[group * kGroup + i] += dy[i] * n[i];
        global[in.columns + group * kGroup + i] += dy[i];
      }
      sum_g += dy[i] * gamma[i];
      sum_gn += dy[i] * gamma[i] * n[i];
    }
  }
  const float mean_g = warp_sum(sum_g) / static_cast<float>(in.columns);
  const float mean_gn = warp_sum(sum_gn) / static_cast<float>(in.columns);
  const float rstd = in.rstd[row];
#pragma unroll
  for (int k = 0; k < groups; ++k) {
    const int group = lane + k * kWarpSize, present = present_in_group(group, in.columns);
    if (present == 0) continue;
    float(&dy)[kGroup] = kept_dy[kGroups > 0 ? k : 0];
    float(&n)[kGroup] = kept_n[kGroups > 0 ? k : 0];
    if (kGroups == 0) load(dy, n, group, present);
    float gamma[kGroup], dz[kGroup];
    load_group(gamma, in.gamma + group * kGroup, present, in.access);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      dz[i] = norm_gradient(dy[i] * gamma[i], n[i], mean_g, mean_gn, rstd);
    }
    const std::int64_t at = row * in.columns + group * kGroup;
    if (in.dresidual != nullptr) store_group(in.dresidual + at, dz, present, in.access);
    if (in.dx == in.dresidual) continue;
    if (in.input_dropout.threshold != 0) apply_dropout(dz, in.input_dropout, row, group);
    store_group(in.dx + at, dz, present, in.access);
  }
}

template <typename T, int kGroups>
__global__ void __launch_bounds__(kNormBackwardWarps* kWarpSize)
    norm_backward_kernel(const NormBackward<T> in) {
  const int warp = static_cast<int>(threadIdx.x / kWarpSize);
  const int warps = static_cast<int>(blockDim.x / kWarpSize);
  const int lane = static_cast<int>(threadIdx.x % kWarpSize);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kRowBlock;
  const std::int64_t end = first + kRowBlock < in.rows ? first + kRowBlock : in.rows;
  float* partials = in.partials + static_cast<std::int64_t>(blockIdx.x) * 2 * in.columns;
  float dgamma[kGroups > 0 ? kGroups : 1][kGroup] = {},
                                       dbeta[kGroups > 0 ? kGroups : 1][kGroup] = {};
  if (kGroups == 0) {  // one warp
    for (int c = lane; c < 2 * in.columns; c += kWarpSize) partials[c] = 0;
    __syncwarp();
  }
  for (std::int64_t row = first + warp; row < end; row += warps) {
    norm_backward_row<T, kGroups>(in, row, dgamma, dbeta, partials);
    if (kGroups == 0) __syncwarp();
  }
  if constexpr (kGroups > 0) {
    auto* sums = dynamic_shared<float>();  // [2, columns]
    for (int turn = 0; turn < warps; ++turn) {
      if (turn == warp) {
#pragma unroll
        for (int k = 0; k < kGroups; ++k) {
          const int group = lane + k * kWarpSize;
#pragma unroll
          for (int i = 0; i < kGroup; ++i) {
            const int c = group * kGroup + i;
            if (c >= in.columns) continue;
            sums[c] = turn == 0 ? dgamma[k][i] : sums[c] + dgamma[k][i];
            sums[in.columns + c] = turn == 0 ? dbeta[k][i] : sums[in.columns + c] + dbeta[k][i];
          }
        }
      }
      __syncthreads();
    }
    for (int c = static_cast<int>(threadIdx.x); c < 2 * in.columns;
         c += static_cast<int>(blockDim.x)) {
      partials[c] = sums[c];
    }
  }
}

template <typename T>
void launch_norm_backward(const char* name, const NormBackward<T>& in, const ColumnSums& sums) {
  if (in.rows == 0) return;
  const int groups = (in.columns + 255) / 256;
  const bool fits = groups <= 4;
  const LaunchShape shape{
      .grid = dim3(static_cast<unsigned>(row_blocks(in.rows))),
      .block = dim3(fits ? kNormBackwardWarps * kWarpSize : kWarpSize),
      .shared_bytes = fits ? sizeof(float) * 2 * static_cast<std::size_t>(in.columns) : 0,
      .stream = sums.stream};
  if (groups <= 1) {
    launch(name, norm_backward_kernel<T, 1>, shape, in);
  } else if (groups <= 3) {
    launch(name, norm_backward_kernel<T, 3>, shape, in);
  } else if (groups <= 4) {
    launch(name, norm_backward_kernel<T, 4>, shape, in);
  } else {
    launch(name, norm_backward_kernel<T, 0>, shape, in);
  }
  add_partials(sums);
}

}  // namespace bertyard
