// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cuda/attention_arguments.h"
#include "core/backend/cuda/attention_kernels.h"
#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/tile_instructions.cuh"
#include "core/backend/cuda/warp.cuh"

namespace bertyard {

// What the tensor-core kernels share. Tiles in shared memory have rows of 64 elements, 128 bytes,
// whose eight chunks of 16 bytes are permuted by row so that eight rows' chunks of one column lie
// in different banks. `group` and `pair` are a lane's place in a fragment: tile_instructions.cuh.
constexpr int kChunk = 8;  // elements of 16 bytes
constexpr float kLog2E = 1.4426950408889634f;
constexpr float kLn2 = 0.6931471805599453f;

struct Lane {
  int number, group, quarter, pair;
};
__device__ inline Lane this_lane() {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  return {lane, lane / 4, lane % 4, lane % 4 * 2};
}

__device__ inline int tile_place(int row, int chunk) {
  return row * kTileHeadSize + (chunk ^ (row & 7)) * kChunk;
}

// `rows` rows from global memory, `stride` elements apart, to a tile of `padded` rows, zero behind
// `rows`; the whole block copies.
template <typename T>
__device__ void copy_rows(T* tile, const T* from, std::int64_t stride, int rows, int padded) {
  constexpr int kChunks = kTileHeadSize / kChunk;
  for (int item = static_cast<int>(threadIdx.x); item < padded * kChunks;
       item += static_cast<int>(blockDim.x)) {
    const int row = item / kChunks;
    const int chunk = item % kChunks;
    const bool present = row < rows;
    copy_async(tile + tile_place(row, chunk), from + (present ? row : 0) * stride + chunk * kChunk,
               present);
  }
}

// B fragments of 16 rows x 16 columns of a tile read as B^T, [n, k]: for the products with x^T.
// b[0], b[1] are of rows `row` to row + 7, b[2], b[3] of the next eight.
template <typename T>
__device__ void load_b_of_rows(std::uint32_t (&b)[4], const T* tile, int row, int chunk) {
  const int lane = this_lane().number;
  load_matrices(b, tile + tile_place(row + lane / 16 * 8 + lane % 8, chunk + lane / 8 % 2));
}
// B fragments of 16 rows x 16 columns of a tile read as B, [k, n]: b[0], b[1] are of the eight
// columns of `chunk`, b[2], b[3] of the next.
template <typename T>
__device__ void load_b_of_columns(std::uint32_t (&b)[4], const T* tile, int row, int chunk) {
  const int lane = this_lane().number;
  load_matrices_transposed(b, tile + tile_place(row + lane % 16, chunk + lane / 16));
}

// x[i] of a quad's lane t becomes x[t] of its lane i.
__device__ inline void transpose_quad(std::uint32_t (&x)[4]) {
  const int lane = this_lane().number;
#pragma unroll
  for (int step = 1; step <= 2; step *= 2) {
    const bool upper = (lane & step) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & step) != 0) continue;
      const std::uint32_t given = upper ? x[i] : x[i + step];
      const std::uint32_t received = __shfl_xor_sync(kWholeWarp, given, step);
      if (upper) {
        x[i] = received;
      } else {
        x[i + step] = received;
      }
    }
  }
}

// A fragments of 16 rows x 64 columns straight from global memory: 16 bytes a lane, then exchanged
// within the quad. Rows from `rows` on are 0.
template <typename T>
__device__ void load_a_rows(std::uint32_t (&a)[4][4], const T* from, std::int64_t stride, int row,
                            int rows) {
  const Lane lane = this_lane();
#pragma unroll
  for (int half = 0; half < 2; ++half) {  // of the 16 rows
    const int own = row + lane.group + 8 * half;
#pragma unroll
    for (int part = 0; part < 2; ++part) {  // of the 64 columns: chunks 4 part to 4 part + 3
      std::uint32_t words[4] = {};
      if (own < rows) {
        const T* address = from + own * stride + (4 * part + lane.quarter) * kChunk;
        const uint4 loaded = *reinterpret_cast<const uint4*>(address);
        words[0] = loaded.x;
        words[1] = loaded.y;
        words[2] = loaded.z;
        words[3] = loaded.w;
      }
      transpose_quad(words);  // words[c]: this lane's pair of chunk 4 part + c
#pragma unroll
      for (int c = 0; c < 4; ++c) a[2 * part + c / 2][2 * (c % 2) + half] = words[c];
    }
  }
}

// Rows of 64 columns from C fragments, times `factor`, the other way round.
template <typename T>
__device__ void store_c_row(T* row, const float (&c)[8][4], int half, float factor, bool present) {
  const Lane lane = this_lane();
#pragma unroll
  for (int part = 0; part < 2; ++part) {
    std::uint32_t words[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const float(&own)[4] = c[4 * part + n];
      words[n] = pack_pair<T>(own[2 * half] * factor, own[2 * half + 1] * factor);
    }
    transpose_quad(words);
    if (present) {
      *reinterpret_cast<uint4*>(row + (4 * part + lane.quarter) * kChunk) =
          make_uint4(words[0], words[1], words[2], words[3]);
    }
  }
}

// The A fragment of 16 columns from two neighbouring C tiles.
template <typename T>
__device__ void pack_a(std::uint32_t (&a)[4], const float (&left)[4], const float (&right)[4]) {
  a[0] = pack_pair<T>(left[0], left[1]);
  a[1] = pack_pair<T>(left[2], left[3]);
  a[2] = pack_pair<T>(right[0], right[1]);
  a[3] = pack_pair<T>(right[2], right[3]);
}

}  // namespace bertyard
