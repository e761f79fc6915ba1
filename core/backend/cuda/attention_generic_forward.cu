// SPDX-License-Identifier: Apache-2.0
// Attention for any head size, length and type, with key masks and scores, in f32 arithmetic;
// online softmax over tiles of 32 keys. Bound by f32 arithmetic and shared memory, two reads for
// each multiply-add: an order of magnitude below the tensor-core kernel. What runs often belongs
// there.
#include "core/backend/cuda/attention_filler.cuh"
#include "core/backend/cuda/attention_generic.cuh"
#include "core/backend/cuda/attention_kernels.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

// A query's softmax so far, for its greatest score so far.
template <int kSlices>
struct RowState {
  float largest = -INFINITY;
  float sum = 0;
  float o[kSlices] = {};
};

struct ForwardTiles {
  float* q;       // [kOwn, pitch]
  float* keys;    // [32, pitch]
  float* values;  // [32, pitch]
  float* weight;  // of this warp, [32]
  int pitch;
};

// Takes the tile of keys from `key` in.
template <int kSlices>
__device__ void take_keys(RowState<kSlices>& state, const AttentionArguments& arguments,
                          const GenericHead& head, const ForwardTiles& tiles, int query, int key) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int own = key + lane;
  const float* q = tiles.q + query % kOwn * tiles.pitch;
  const float score = dot(q, tiles.keys + lane * tiles.pitch, head.head_size) * head.scale;
  if (arguments.scores != nullptr && query < head.length && own < head.length) {
    arguments.scores[head.scores + static_cast<std::int64_t>(query) * head.length + own] = score;
  }
  const bool seen = sees(arguments, head, query, own);
  const float largest = fmaxf(state.largest, warp_max(seen ? score : -INFINITY));
  const bool any = warp_max(seen ? 1.0f : 0.0f) != 0;
  const float p = seen ? expf(score - largest) : 0.0f;
  const float shrink = any ? expf(state.largest - largest) : 1.0f;
  state.largest = any ? largest : state.largest;
  state.sum = state.sum * shrink + warp_sum(p);
#pragma unroll
  for (int s = 0; s < kSlices; ++s) state.o[s] *= shrink;
  tiles.weight[lane] = seen ? p * keep_factor(arguments, head, query, own) : 0.0f;
  __syncwarp();
  add_weighted(state.o, tiles.weight, tiles.values, tiles.pitch, head.head_size);
  __syncwarp();
}

template <typename T, int kSlices>
__device__ void finish(const RowState<kSlices>& state, const AttentionArguments& arguments,
                       const GenericHead& head, int query) {
  if (query >= head.length) return;
  const std::int64_t token = head.first + query;
  T* row = static_cast<T*>(arguments.y) + token * head.hidden + head.head * head.head_size;
  const bool none = state.sum == 0;
  store_slices(row, state.o, none ? 0.0f : 1.0f / state.sum, head.head_size);
  if (arguments.log_sum != nullptr && threadIdx.x % kWarpSize == 0) {
    arguments.log_sum[token * arguments.heads + head.head] =
        none ? INFINITY : state.largest + logf(state.sum);
  }
}

// Grid (sequences + 1, heads, tiles of kOwn queries).
template <typename T, int kSlices>
__global__ void __launch_bounds__(kWarps* kWarpSize)
    attention_generic_forward_kernel(AttentionArguments arguments, int pitch) {
  if (static_cast<int>(blockIdx.x) == arguments.sequences) {
    if (blockIdx.z != 0) return;
    clear_filler<T>(arguments.y, 1, arguments);
    return clear_filler_log_sum(arguments);
  }
  const GenericHead head = generic_head(arguments);
  const int first = static_cast<int>(blockIdx.z) * kOwn;
  if (first >= head.length) return;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  ForwardTiles tiles;
  tiles.pitch = pitch;
  tiles.q = dynamic_shared<float>();
  tiles.keys = tiles.q + kOwn * pitch;
  tiles.values = tiles.keys + kWarpSize * pitch;
  tiles.weight = tiles.values + kWarpSize * pitch + warp * kWarpSize;
  load_tile(tiles.q, pitch, qkv_row<T>(arguments, head, 0, 0), head.stride, first, kOwn, head);
  RowState<kSlices> state[kRowsOfWarp];
  const bool stop_early = arguments.causal && arguments.scores == nullptr;
  const int end = stop_early ? min(head.length, first + kOwn) : head.length;
  for (int key = 0; key < end; key += kWarpSize) {
    __syncthreads();
    load_tile(tiles.keys, pitch, qkv_row<T>(arguments, head, 1, 0), head.stride, key, kWarpSize,
              head);
    load_tile(tiles.values, pitch, qkv_row<T>(arguments, head, 2, 0), head.stride, key, kWarpSize,
              head);
    __syncthreads();
#pragma unroll
    for (int r = 0; r < kRowsOfWarp; ++r) {
      take_keys(state[r], arguments, head, tiles, first + warp * kRowsOfWarp + r, key);
    }
  }
#pragma unroll
  for (int r = 0; r < kRowsOfWarp; ++r) {
    finish<T>(state[r], arguments, head, first + warp * kRowsOfWarp + r);
  }
}

}  // namespace

void attention_generic_forward(DType type, const AttentionArguments& arguments,
                               cudaStream_t stream) {
  const int pitch = arguments.head_size | 1;
  const std::size_t floats =
      static_cast<std::size_t>((kOwn + 2 * kWarpSize) * pitch + kWarps * kWarpSize);
  const LaunchShape shape = {
      dim3(static_cast<unsigned>(arguments.sequences + 1), static_cast<unsigned>(arguments.heads),
           static_cast<unsigned>(arguments.max_length / kOwn + 1)),
      dim3(kWarps * kWarpSize), floats * sizeof(float), stream};
  for_element_type(type, [&](auto element) {
    using T = typename decltype(element)::Type;
    for_slices(arguments.head_size, [&](auto slices) {
      launch("attention_generic_forward",
             attention_generic_forward_kernel<T, decltype(slices)::kCount>, shape, arguments,
             pitch);
    });
  });
}

}  // namespace bertyard
