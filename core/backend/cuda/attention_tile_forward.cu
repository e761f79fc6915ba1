// SPDX-License-Identifier: Apache-2.0
// y = dropout(softmax(q k^T / 8)) v on tensor cores for heads of 64 (Dao et al. 2022: online
// softmax). A block owns a head of a sequence: its keys and values come to shared memory once, each
// warp takes strips of 32 queries, and warps do not wait for each other. Per head of length L: 4
// L^2 64 FLOPs against 4 * 128 L bytes, so products bound it from L = 128 on; below, the bytes do.
// Shared memory feeds a warp's products at 32 FLOPs a byte, and the random numbers cost about 9
// instructions a score.
#include <algorithm>

#include "core/backend/cuda/attention_dropout.cuh"
#include "core/backend/cuda/attention_filler.cuh"
#include "core/backend/cuda/attention_tile.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

constexpr int kStrip = 32;  // queries of a warp at a time: two row tiles of 16
constexpr int kKeys = 32;   // keys at a time
constexpr int kMostWarps = 8;

// What a block knows of its sequence and head.
template <typename T>
struct Head {
  int head, length;
  std::int64_t first;   // token
  int first_position;   // of its keys, for dropout
  std::int64_t stride;  // of qkv's rows
  const T* q;
  const T* keys;  // tiles in shared memory
  const T* values;
};

// A strip's state: o is the sum of P v so far for its rows' maximum so far, in powers of 2.
struct Strip {
  int first;  // query
  std::uint32_t q[2][4][4];
  float o[2][8][4] = {};
  float row_max[2][2], row_sum[2][2];
  QueryCounter counter[2][2];
};

using Scores = float[2][kKeys / 8][4];

// s = q k^T of the strip and the keys from `key`.
template <typename T>
__device__ void score(Scores& s, const Strip& strip, const Head<T>& head, int key) {
#pragma unroll
  for (int k = 0; k < 4; ++k) {
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
      std::uint32_t b[4];
      load_b_of_rows(b, head.keys, key + 16 * n, 2 * k);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        multiply_add<T>(s[m][2 * n], strip.q[m][k], {b[0], b[1]});
        multiply_add<T>(s[m][2 * n + 1], strip.q[m][k], {b[2], b[3]});
      }
    }
  }
}

// Scores to powers of 2 against the new maximum of row `half` of row tile m; o and the sum follow.
__device__ inline void soften(Scores& s, Strip& strip, int m, int half) {
  float largest = strip.row_max[m][half];
#pragma unroll
  for (int n = 0; n < kKeys / 8; ++n) {
    largest = fmaxf(largest, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
  }
  largest = warp_max<4>(largest);
  const float shrink = exp2f(strip.row_max[m][half] - largest);
  strip.row_max[m][half] = largest;
  float sum = 0;
#pragma unroll
  for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
    for (int e = 2 * half; e < 2 * half + 2; ++e) {
      s[m][n][e] = exp2f(s[m][n][e] - largest);
      sum += s[m][n][e];
    }
  }
  strip.row_sum[m][half] = strip.row_sum[m][half] * shrink + sum;
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    strip.o[m][n][2 * half] *= shrink;
    strip.o[m][n][2 * half + 1] *= shrink;
  }
}

// Lane t of a quad draws for the eight keys of tile t and the quad's four rows; each lane then asks
// for its own columns.
template <typename T>
__device__ void drop(Scores& s, const Strip& strip, const Head<T>& head,
                     const AttentionDropout& dropout, int key) {
  const Lane lane = this_lane();
  std::uint32_t word = 0;
#pragma unroll
  for (int row = 0; row < 4; ++row) {
    word |= kept_keys(dropout, strip.counter[row / 2][row % 2], head.head,
                      head.first_position + key + 8 * lane.quarter)
            << (8 * row);
  }
#pragma unroll
  for (int n = 0; n < kKeys / 8; ++n) {
    const std::uint32_t kept = __shfl_sync(kWholeWarp, word, lane.group * 4 + n) >> lane.pair;
#pragma unroll
    for (int row = 0; row < 4; ++row) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        if ((kept >> (8 * row + e) & 1) == 0) s[row / 2][n][2 * (row % 2) + e] = 0;
      }
    }
  }
}

// o += P v.
template <typename T>
__device__ void add_values(Strip& strip, const Scores& p, const Head<T>& head, int key) {
#pragma unroll
  for (int k = 0; k < kKeys / 16; ++k) {
    std::uint32_t a[2][4];
#pragma unroll
    for (int m = 0; m < 2; ++m) pack_a<T>(a[m], p[m][2 * k], p[m][2 * k + 1]);
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      std::uint32_t b[4];
      load_b_of_columns(b, head.values, key + 16 * k, 2 * n);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        multiply_add<T>(strip.o[m][2 * n], a[m], {b[0], b[1]});
        multiply_add<T>(strip.o[m][2 * n + 1], a[m], {b[2], b[3]});
      }
    }
  }
}

// Scores of keys that are not there, or lie ahead, to -inf; the others to powers of 2.
template <typename T>
__device__ void mask(Scores& s, const Strip& strip, const Head<T>& head, int key, bool causal) {
  constexpr float kScale = 0.125f * kLog2E;
  const Lane lane = this_lane();
#pragma unroll
  for (int i = 0; i < 2 * (kKeys / 8) * 4; ++i) {
    const int m = i / (kKeys / 2);
    const int n = i / 4 % (kKeys / 8);
    const int e = i % 4;
    const int column = key + 8 * n + lane.pair + e % 2;
    const int row = strip.first + 16 * m + lane.group + e / 2 * 8;
    const bool hidden = column >= head.length || (causal && column > row);
    s[m][n][e] = hidden ? -INFINITY : s[m][n][e] * kScale;
  }
}

template <typename T>
__device__ void begin(Strip& strip, const Head<T>& head, const AttentionDropout& dropout) {
  const Lane lane = this_lane();
#pragma unroll
  for (int m = 0; m < 2; ++m) {
    load_a_rows(strip.q[m], head.q, head.stride, strip.first + 16 * m, head.length);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      strip.row_max[m][half] = -INFINITY;
      strip.row_sum[m][half] = 0;
      const int query = strip.first + 16 * m + 8 * half + lane.group;
      if (dropout.threshold != 0 && query < head.length) {
        strip.counter[m][half] = query_counter(dropout, head.first + query);
      }
    }
  }
}

template <typename T>
__device__ void finish(Strip& strip, const Head<T>& head, const AttentionArguments& arguments) {
  const Lane lane = this_lane();
  const int hidden = arguments.hidden();
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float sum = warp_sum<4>(strip.row_sum[m][half]);
      const int query = strip.first + 16 * m + 8 * half + lane.group;
      const bool present = query < head.length;
      const std::int64_t token = head.first + query;
      T* row = static_cast<T*>(arguments.y) + token * hidden + head.head * kTileHeadSize;
      store_c_row(row, strip.o[m], half, arguments.dropout.scale / sum, present);
      if (present && lane.quarter == 0 && arguments.log_sum != nullptr) {
        arguments.log_sum[token * arguments.heads + head.head] =
            strip.row_max[m][half] * kLn2 + logf(sum);
      }
    }
  }
}

template <typename T>
__device__ void attend(const Head<T>& head, const AttentionArguments& arguments, int first) {
  Strip strip;
  strip.first = first;
  begin(strip, head, arguments.dropout);
  const int keys = arguments.causal ? min(head.length, first + kStrip) : head.length;
  for (int key = 0; key < keys; key += kKeys) {
    Scores s = {};
    score(s, strip, head, key);
    mask(s, strip, head, key, arguments.causal);
#pragma unroll
    for (int row = 0; row < 4; ++row) soften(s, strip, row / 2, row % 2);
    if (arguments.dropout.threshold != 0) drop(s, strip, head, arguments.dropout, key);
    add_values(strip, s, head, key);
  }
  finish(strip, head, arguments);
}

// Grid (sequences + 1, heads).
template <typename T>
__global__ void __launch_bounds__(kMostWarps* kWarpSize)
    attention_tile_forward_kernel(AttentionArguments arguments, int padded_length) {
  if (static_cast<int>(blockIdx.x) == arguments.sequences) {
    clear_filler<T>(arguments.y, 1, arguments);
    return clear_filler_log_sum(arguments);
  }
  const int hidden = arguments.hidden();
  Head<T> head;
  head.head = static_cast<int>(blockIdx.y);
  head.first = arguments.offsets[blockIdx.x];
  head.length = arguments.offsets[blockIdx.x + 1] - static_cast<int>(head.first);
  if (head.length == 0) return;
  head.stride = 3 * hidden;
  head.q =
      static_cast<const T*>(arguments.qkv) + head.first * head.stride + head.head * kTileHeadSize;
  const bool random = arguments.dropout.threshold != 0;
  head.first_position = random ? arguments.dropout.position[head.first] : 0;

  T* keys = dynamic_shared<T>();
  T* values = keys + padded_length * kTileHeadSize;
  const int padded = (head.length + kKeys - 1) / kKeys * kKeys;
  copy_rows(keys, head.q + hidden, head.stride, head.length, padded);
  copy_rows(values, head.q + 2 * hidden, head.stride, head.length, padded);
  commit_copies();
  wait_copies<0>();
  __syncthreads();
  head.keys = keys;
  head.values = values;
  const int warps = static_cast<int>(blockDim.x) / kWarpSize;
  for (int strip = static_cast<int>(threadIdx.x) / kWarpSize; strip * kStrip < head.length;
       strip += warps) {
    attend(head, arguments, strip * kStrip);
  }
}

int padded_length(int max_length) {
  return std::max((max_length + kKeys - 1) / kKeys, 1) * kKeys;
}

}  // namespace

std::size_t attention_tile_forward_shared_bytes(int max_length) {
  return std::size_t{2} * 2 * kTileHeadSize * static_cast<std::size_t>(padded_length(max_length));
}

void attention_tile_forward(DType type, const AttentionArguments& arguments, cudaStream_t stream) {
  const int padded = padded_length(arguments.max_length);
  const int warps = std::min(kMostWarps, padded / kStrip);
  const LaunchShape shape = {
      dim3(static_cast<unsigned>(arguments.sequences + 1), static_cast<unsigned>(arguments.heads)),
      dim3(static_cast<unsigned>(warps * kWarpSize)),
      attention_tile_forward_shared_bytes(arguments.max_length), stream};
  if (type == DType::bf16) {
    launch("attention_tile_forward", attention_tile_forward_kernel<__nv_bfloat16>, shape, arguments,
           padded);
  } else {
    launch("attention_tile_forward", attention_tile_forward_kernel<__half>, shape, arguments,
           padded);
  }
}

}  // namespace bertyard
