// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cuda/attention_arguments.h"
#include "core/backend/cuda/attention_dropout.cuh"
#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/warp.cuh"

namespace bertyard {

// What the generic kernels share: a block of four warps owns kOwn rows of one head of a sequence
// (queries or keys), four a warp, and goes over the other side in tiles of a warp's width, one lane
// for each. A row's channels lie across the lanes in kSlices slices of 32.
constexpr int kWarps = 4;
constexpr int kRowsOfWarp = 4;
constexpr int kOwn = kWarps * kRowsOfWarp;

// Places of a head of a sequence.
struct GenericHead {
  int head, length, head_size, hidden;
  std::int64_t first;   // token
  std::int64_t stride;  // of qkv's rows, and of dqkv's
  float scale;          // 1 / sqrt(head_size)
  int first_position = 0;
  std::int64_t scores = 0;  // where its L x L scores start
};

__device__ inline GenericHead generic_head(const AttentionArguments& arguments) {
  GenericHead head;
  const int sequence = static_cast<int>(blockIdx.x);
  head.head = static_cast<int>(blockIdx.y);
  head.first = arguments.offsets[sequence];
  head.length = arguments.offsets[sequence + 1] - static_cast<int>(head.first);
  head.head_size = arguments.head_size;
  head.hidden = arguments.hidden();
  head.stride = 3 * static_cast<std::int64_t>(head.hidden);
  head.scale = 1.0f / sqrtf(static_cast<float>(head.head_size));
  if (arguments.dropout.threshold != 0 && head.length > 0) {
    head.first_position = arguments.dropout.position[head.first];
  }
  if (arguments.scores == nullptr && arguments.dscores == nullptr) return head;
  for (int n = 0; n < sequence; ++n) {
    const std::int64_t length = arguments.offsets[n + 1] - arguments.offsets[n];
    head.scores += arguments.heads * length * length;
  }
  head.scores += static_cast<std::int64_t>(head.head) * head.length * head.length;
  return head;
}

// Part 0 is q, 1 is k, 2 is v: the row of token `row` of the sequence.
template <typename T>
__device__ const T* qkv_row(const AttentionArguments& arguments, const GenericHead& head, int part,
                            int row) {
  return static_cast<const T*>(arguments.qkv) + (head.first + row) * head.stride +
         part * head.hidden + head.head * head.head_size;
}

// `count` rows from `first`, widened; rows behind the sequence are 0. A tile's rows are `pitch`
// floats apart, an odd number, so that lanes reading one column of it meet no bank twice.
template <typename T>
__device__ void load_tile(float* tile, int pitch, const T* row_0, std::int64_t stride, int first,
                          int count, const GenericHead& head) {
  for (int item = static_cast<int>(threadIdx.x); item < count * head.head_size;
       item += static_cast<int>(blockDim.x)) {
    const int row = item / head.head_size;
    const int column = item % head.head_size;
    const bool present = first + row < head.length;
    tile[row * pitch + column] = present ? to_float(row_0[(first + row) * stride + column]) : 0.0f;
  }
}

__device__ inline float dot(const float* a, const float* b, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Whether `query` sees `key`; false where either is not there.
__device__ inline bool sees(const AttentionArguments& arguments, const GenericHead& head, int query,
                            int key) {
  if (query >= head.length || key >= head.length) return false;
  if (arguments.causal && key > query) return false;
  return arguments.key_mask == nullptr || arguments.key_mask[head.first + key] == 0;
}

// keep / (1 - p).
__device__ inline float keep_factor(const AttentionArguments& arguments, const GenericHead& head,
                                    int query, int key) {
  if (arguments.dropout.threshold == 0) return 1;
  const int position = head.first_position + key;
  const std::uint32_t kept =
      kept_of_block(arguments.dropout, query_counter(arguments.dropout, head.first + query),
                    head.head, position / 8);
  return (kept >> (position % 8) & 1) != 0 ? arguments.dropout.scale : 0.0f;
}

// sum[s] += sum over l of weight[l] tile[l][32 s + lane]: a warp's channels.
template <int kSlices>
__device__ void add_weighted(float (&sum)[kSlices], const float* weight, const float* tile,
                             int pitch, int head_size) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  for (int l = 0; l < kWarpSize; ++l) {
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
      const int column = kWarpSize * s + lane;
      if (column < head_size) sum[s] += weight[l] * tile[l * pitch + column];
    }
  }
}

// row[32 s + lane] = sum[s] factor.
template <typename T, int kSlices>
__device__ void store_slices(T* row, const float (&sum)[kSlices], float factor, int head_size) {
#pragma unroll
  for (int s = 0; s < kSlices; ++s) {
    const int column = kWarpSize * s + static_cast<int>(threadIdx.x) % kWarpSize;
    if (column < head_size) row[column] = from_float<T>(sum[s] * factor);
  }
}

// Calls `work` with the number of slices for a head size as a compile-time constant: two of them,
// for each costs the compiler seconds.
template <int kSlices>
struct Slices {
  static constexpr int kCount = kSlices;
};
template <typename Work>
void for_slices(int head_size, Work work) {
  if (head_size <= 64) return work(Slices<2>());
  return work(Slices<8>());
}

}  // namespace bertyard
