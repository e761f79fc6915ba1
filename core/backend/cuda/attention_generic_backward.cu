// SPDX-License-Identifier: Apache-2.0
// Backward of attention_generic_forward.cu, by the formulas of layer_ops.h, in two passes: blocks
// that own queries give dq, blocks that own keys give dk and dv, so nothing is added atomically.
// Seven products instead of five, f32 arithmetic; bound as the forward is.
#include "core/backend/cuda/attention_filler.cuh"
#include "core/backend/cuda/attention_generic.cuh"
#include "core/backend/cuda/attention_kernels.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

enum class Owns { queries, keys };

// Shared memory of a block: of its own rows and of the other side's tile q and dy, or k and v.
struct GenericTiles {
  float* own_first;   // q or k, [kOwn, pitch]
  float* own_second;  // dy or v
  float* first;       // k or q, [32, pitch]
  float* second;      // v or dy
  float* log_sum;     // of the queries in hand, [32]
  float* delta;
  float* weight;         // dS of this warp's row, [32]
  float* weight_second;  // P R
  int pitch;
};

__device__ inline GenericTiles generic_tiles(float* memory, int pitch) {
  GenericTiles tiles;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  tiles.pitch = pitch;
  tiles.own_first = memory;
  tiles.own_second = tiles.own_first + kOwn * pitch;
  tiles.first = tiles.own_second + kOwn * pitch;
  tiles.second = tiles.first + kWarpSize * pitch;
  tiles.log_sum = tiles.second + kWarpSize * pitch;
  tiles.delta = tiles.log_sum + kWarpSize;
  tiles.weight = tiles.delta + kWarpSize + warp * 2 * kWarpSize;
  tiles.weight_second = tiles.weight + kWarpSize;
  return tiles;
}

// The two halves of a side: q and dy, or k and v.
template <typename T>
__device__ void load_side(float* first, float* second, Owns side, int pitch,
                          const AttentionArguments& arguments, const GenericHead& head, int row,
                          int count) {
  const bool queries = side == Owns::queries;
  load_tile(first, pitch, qkv_row<T>(arguments, head, queries ? 0 : 1, 0), head.stride, row, count,
            head);
  if (!queries) {
    load_tile(second, pitch, qkv_row<T>(arguments, head, 2, 0), head.stride, row, count, head);
    return;
  }
  const T* dy =
      static_cast<const T*>(arguments.dy) + head.first * head.hidden + head.head * head.head_size;
  load_tile(second, pitch, dy, head.hidden, row, count, head);
}

// log_sum and delta = rowsum(dy y) of `count` queries, a warp for each in turn.
template <typename T>
__device__ void load_statistics(const GenericTiles& tiles, const float* dy,
                                const AttentionArguments& arguments, const GenericHead& head,
                                int query, int count) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  for (int row = static_cast<int>(threadIdx.x) / kWarpSize; row < count; row += kWarps) {
    const bool present = query + row < head.length;
    const std::int64_t token = head.first + query + row;
    float sum = 0;
    for (int c = lane; c < head.head_size && present; c += kWarpSize) {
      const T* y = static_cast<const T*>(arguments.saved_y) + token * head.hidden;
      sum += dy[row * tiles.pitch + c] * to_float(y[head.head * head.head_size + c]);
    }
    sum = warp_sum(sum);
    if (lane != 0) continue;
    tiles.delta[row] = sum;
    tiles.log_sum[row] =
        present ? arguments.saved_log_sum[token * arguments.heads + head.head] : INFINITY;
  }
}

// dS and P R of one query and one key, from score and dP.
__device__ inline void slopes(float& ds, float& pr, const AttentionArguments& arguments,
                              const GenericHead& head, int query, int key, float log_sum,
                              float delta) {
  const float score = ds;
  const float dp = pr;
  ds = pr = 0;
  if (sees(arguments, head, query, key)) {
    const float p = expf(score * head.scale - log_sum);
    const float factor = keep_factor(arguments, head, query, key);
    pr = p * factor;
    ds = p * (dp * factor - delta);
  }
  if (arguments.dscores != nullptr && query < head.length && key < head.length) {
    ds += arguments.dscores[head.scores + static_cast<std::int64_t>(query) * head.length + key];
  }
}

// One own row against the tile of the other side.
template <int kSlices, Owns owns>
__device__ void take_tile(float (&d_first)[kSlices], float (&d_second)[kSlices],
                          const GenericTiles& tiles, const AttentionArguments& arguments,
                          const GenericHead& head, int own, int own_first, int other_first) {
  constexpr bool queries = owns == Owns::queries;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  float ds =
      dot(tiles.own_first + own * tiles.pitch, tiles.first + lane * tiles.pitch, head.head_size);
  float pr =
      dot(tiles.own_second + own * tiles.pitch, tiles.second + lane * tiles.pitch, head.head_size);
  const int statistic = queries ? own : lane;
  slopes(ds, pr, arguments, head, queries ? own_first + own : other_first + lane,
         queries ? other_first + lane : own_first + own, tiles.log_sum[statistic],
         tiles.delta[statistic]);
  tiles.weight[lane] = ds;
  tiles.weight_second[lane] = pr;
  __syncwarp();
  add_weighted(d_first, tiles.weight, tiles.first, tiles.pitch, head.head_size);
  if (!queries) {
    add_weighted(d_second, tiles.weight_second, tiles.second, tiles.pitch, head.head_size);
  }
  __syncwarp();
}

// Grid (sequences + 1, heads, tiles of kOwn rows).
template <typename T, int kSlices, Owns owns>
__global__ void __launch_bounds__(kWarps* kWarpSize)
    attention_generic_backward_kernel(AttentionArguments arguments, int pitch) {
  constexpr bool queries = owns == Owns::queries;
  constexpr Owns others = queries ? Owns::keys : Owns::queries;
  if (static_cast<int>(blockIdx.x) == arguments.sequences) {
    if (blockIdx.z != 0 || !queries) return;
    return clear_filler<T>(arguments.dqkv, 3, arguments);
  }
  const GenericHead head = generic_head(arguments);
  const int first = static_cast<int>(blockIdx.z) * kOwn;
  if (first >= head.length) return;
  const GenericTiles tiles = generic_tiles(dynamic_shared<float>(), pitch);
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  load_side<T>(tiles.own_first, tiles.own_second, owns, pitch, arguments, head, first, kOwn);
  if (queries) {
    __syncthreads();
    load_statistics<T>(tiles, tiles.own_second, arguments, head, first, kOwn);
  }
  float d_first[kRowsOfWarp][kSlices] = {};
  float d_second[kRowsOfWarp][kSlices] = {};
  for (int other = 0; other < head.length; other += kWarpSize) {
    __syncthreads();
    load_side<T>(tiles.first, tiles.second, others, pitch, arguments, head, other, kWarpSize);
    __syncthreads();
    if (!queries) {
      load_statistics<T>(tiles, tiles.second, arguments, head, other, kWarpSize);
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < kRowsOfWarp; ++r) {
      take_tile<kSlices, owns>(d_first[r], d_second[r], tiles, arguments, head,
                               warp * kRowsOfWarp + r, first, other);
    }
  }
#pragma unroll
  for (int r = 0; r < kRowsOfWarp; ++r) {
    const int row = first + warp * kRowsOfWarp + r;
    if (row >= head.length) continue;
    T* to = static_cast<T*>(arguments.dqkv) + (head.first + row) * head.stride +
            head.head * head.head_size;
    store_slices(to + (queries ? 0 : head.hidden), d_first[r], head.scale, head.head_size);
    if (!queries) store_slices(to + 2 * head.hidden, d_second[r], 1.0f, head.head_size);
  }
}

}  // namespace

void attention_generic_backward(DType type, const AttentionArguments& arguments,
                                cudaStream_t stream) {
  const int pitch = arguments.head_size | 1;
  const std::size_t floats =
      static_cast<std::size_t>((2 * kOwn + 2 * kWarpSize) * pitch + (2 + 2 * kWarps) * kWarpSize);
  const LaunchShape shape = {
      dim3(static_cast<unsigned>(arguments.sequences + 1), static_cast<unsigned>(arguments.heads),
           static_cast<unsigned>(arguments.max_length / kOwn + 1)),
      dim3(kWarps * kWarpSize), floats * sizeof(float), stream};
  for_element_type(type, [&](auto element) {
    using T = typename decltype(element)::Type;
    for_slices(arguments.head_size, [&](auto slices) {
      constexpr int kSlices = decltype(slices)::kCount;
      launch("attention_generic_dq", attention_generic_backward_kernel<T, kSlices, Owns::queries>,
             shape, arguments, pitch);
      launch("attention_generic_dkdv", attention_generic_backward_kernel<T, kSlices, Owns::keys>,
             shape, arguments, pitch);
    });
  });
}

}  // namespace bertyard
