// SPDX-License-Identifier: Apache-2.0
// Backward of attention on tensor cores for heads of 64; layer_ops.h has the formulas.
// A block owns a head of a sequence, so nothing is added atomically and the bits are the same in
// every run: it goes over its keys in tiles of 16 a warp and, for each, over its queries in tiles
// of 64. A warp keeps its 16 keys and values and their gradients in registers; dq gathers in f32 in
// shared memory. Scores are computed transposed, keys by queries, so that they are A fragments of
// the products for dv and dk without an exchange; dS goes through shared memory for dq. Per head of
// length L: 10 L^2 64 FLOPs against 8 * 128 L bytes: products bound it from L = 128 on. Shared
// memory feeds them at 16 FLOPs a byte, which is the tighter bound: 2,048 FLOPs a cycle.
#include <algorithm>

#include "core/backend/cuda/attention_dropout.cuh"
#include "core/backend/cuda/attention_filler.cuh"
#include "core/backend/cuda/attention_tile.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

constexpr int kQueries = 64;  // of a tile
constexpr int kWarpKeys = 16;
constexpr int kMostWarps = 8;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)
constexpr int kTile = kQueries * kTileHeadSize;

// Shared memory of a block: dq f32 [padded, 64], log_sum and delta f32 [padded], then tiles of T:
// keys [16 warps, 64], two each of q and dy [64, 64], and dS^T [16 warps, 64].
template <typename T>
struct Tiles {
  float* dq;
  float* log_sum;  // in powers of 2; +inf behind the last query
  float* delta;    // rowsum(dy y)
  T* keys;
  T* q;   // two, one behind the other
  T* dy;  // two
  T* ds;
};

template <typename T>
__device__ Tiles<T> tiles_of(float* memory, int padded, int tile_keys) {
  Tiles<T> tiles;
  tiles.dq = memory;
  tiles.log_sum = tiles.dq + padded * kTileHeadSize;
  tiles.delta = tiles.log_sum + padded;
  tiles.keys = reinterpret_cast<T*>(tiles.delta + padded);
  tiles.q = tiles.keys + tile_keys * kTileHeadSize;
  tiles.dy = tiles.q + 2 * kTile;
  tiles.ds = tiles.dy + 2 * kTile;
  return tiles;
}

template <typename T>
struct Head {
  int head, length;
  std::int64_t first;  // token
  int first_position;
  std::int64_t stride;  // of qkv's rows, and of dqkv's
  int hidden;           // and of dy's and y's
  const T* q;
  const T* dy;
};

// A warp's 16 keys.
struct Keys {
  int first;
  std::uint32_t k[4][4], v[4][4];
  float dk[8][4] = {};
  float dv[8][4] = {};
};

// dq of row r, columns 8 n + pair: eight rows' places lie in different banks.
__device__ inline float* dq_place(float* dq, int row, int n, int pair) {
  return dq + row * kTileHeadSize + ((n ^ (row & 7)) * 8 + pair);
}

template <typename T>
__device__ void prepare_rows(const Tiles<T>& tiles, const Head<T>& head,
                             const AttentionArguments& arguments, int padded) {
  const int lane = this_lane().number;
  const int warps = static_cast<int>(blockDim.x) / kWarpSize;
  const T* y =
      static_cast<const T*>(arguments.saved_y) + (head.dy - static_cast<const T*>(arguments.dy));
  for (int row = static_cast<int>(threadIdx.x) / kWarpSize; row < padded; row += warps) {
    const bool present = row < head.length;
    float sum = 0;
    for (int i = 0; i < 2 && present; ++i) {
      const std::int64_t at = static_cast<std::int64_t>(row) * head.hidden + 2 * lane + i;
      sum += to_float(head.dy[at]) * to_float(y[at]);
    }
    sum = warp_sum(sum);
    if (lane != 0) continue;
    tiles.delta[row] = sum;
    const std::int64_t statistic = (head.first + row) * arguments.heads + head.head;
    tiles.log_sum[row] = present ? arguments.saved_log_sum[statistic] * kLog2E : INFINITY;
  }
}

// c = a x^T for 32 rows of the tile x, [16, 32].
template <typename T>
__device__ void multiply_rows(float (&c)[4][4], const std::uint32_t (&a)[4][4], const T* x,
                              int row) {
#pragma unroll
  for (int k = 0; k < 4; ++k) {
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      std::uint32_t b[4];
      load_b_of_rows(b, x, row + 16 * n, 2 * k);
      multiply_add<T>(c[2 * n], a[k], {b[0], b[1]});
      multiply_add<T>(c[2 * n + 1], a[k], {b[2], b[3]});
    }
  }
}

// c += p x for 32 rows of the tile x; p [16, 32], c [16, 64].
template <typename T>
__device__ void add_product(float (&c)[8][4], const float (&p)[4][4], const T* x, int row) {
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    std::uint32_t a[4];
    pack_a<T>(a, p[2 * k], p[2 * k + 1]);
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      std::uint32_t b[4];
      load_b_of_columns(b, x, row + 16 * k, 2 * n);
      multiply_add<T>(c[2 * n], a, {b[0], b[1]});
      multiply_add<T>(c[2 * n + 1], a, {b[2], b[3]});
    }
  }
}

// Lane l draws for queries 2 l and 2 l + 1 of the tile: 16 keys in the low and the high half.
template <typename T>
__device__ std::uint32_t draw(const Head<T>& head, const AttentionDropout& dropout, int key,
                              int query) {
  std::uint32_t word = 0;
  const int position = head.first_position + key;
  for (int i = 0; i < 2; ++i) {
    const int own = query + 2 * this_lane().number + i;
    if (own >= head.length) continue;
    const QueryCounter counter = query_counter(dropout, head.first + own);
    const std::uint32_t kept = kept_keys(dropout, counter, head.head, position) |
                               kept_keys(dropout, counter, head.head, position + 8) << 8;
    word |= kept << (16 * i);
  }
  return word;
}

// From scores and dP of 32 queries, from `column` of the tile, to R P (in s) and dS (in dp).
struct Slopes {
  int key, query, column, length;
  bool causal;
  float keep_scale;
  bool random;
  std::uint32_t drawn;
};
__device__ inline void to_gradients(float (&s)[4][4], float (&dp)[4][4], const Slopes& place,
                                    const float* log_sum, const float* delta) {
  const Lane lane = this_lane();
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const int column = place.column + 8 * n + lane.pair;  // of the tile
    std::uint32_t kept = 0xFFFFFFFFu;
    if (place.random) kept = __shfl_sync(kWholeWarp, place.drawn, column / 2);
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int query = place.query + column + e % 2;
      const int row = lane.group + e / 2 * 8;
      const int key = place.key + row;
      const bool hidden = key >= place.length || (place.causal && key > query);
      const float p = hidden ? 0.0f : exp2f(s[n][e] * (kScale * kLog2E) - log_sum[query]);
      const float factor = (kept >> (16 * (e % 2) + row) & 1) != 0 ? place.keep_scale : 0.0f;
      s[n][e] = p * factor;
      dp[n][e] = p * (dp[n][e] * factor - delta[query]);
    }
  }
}

// One warp's 16 keys against a tile of queries; leaves dS^T in shared memory.
template <typename T>
__device__ void add_queries(Keys& keys, const Tiles<T>& tiles, const Head<T>& head,
                            const AttentionArguments& arguments, int query, int buffer) {
  const Lane lane = this_lane();
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const bool random = arguments.dropout.threshold != 0;
  Slopes place = {keys.first, query, 0, head.length, arguments.causal, arguments.dropout.scale,
                  random,     0};
  if (random) place.drawn = draw(head, arguments.dropout, keys.first, query);
#pragma unroll 1  // the halves one after the other: registers
  for (int half = 0; half < 2; ++half) {
    place.column = 32 * half;
    float s[4][4] = {};
    float dp[4][4] = {};
    multiply_rows(s, keys.k, tiles.q + buffer * kTile, place.column);
    multiply_rows(dp, keys.v, tiles.dy + buffer * kTile, place.column);
    to_gradients(s, dp, place, tiles.log_sum, tiles.delta);
    add_product(keys.dv, s, tiles.dy + buffer * kTile, place.column);
    add_product(keys.dk, dp, tiles.q + buffer * kTile, place.column);
#pragma unroll
    for (int n = 0; n < 4; ++n) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const int row = warp * kWarpKeys + lane.group + e / 2 * 8;
        T* at = tiles.ds + tile_place(row, 4 * half + n) + lane.pair;
        *reinterpret_cast<std::uint32_t*>(at) = pack_pair<T>(dp[n][e], dp[n][e + 1]);
      }
    }
  }
}

// dq (+)= dS k over the tile's keys: eight parts of 16 queries x 32 channels, dealt to the warps.
template <typename T>
__device__ void add_to_dq(const Tiles<T>& tiles, int query, bool first_keys) {
  const Lane lane = this_lane();
  const int warps = static_cast<int>(blockDim.x) / kWarpSize;
  for (int part = static_cast<int>(threadIdx.x) / kWarpSize; part < 8; part += warps) {
    const int row = part / 2 * 16;
    const int chunk = part % 2 * 4;
    float c[4][4] = {};
    for (int key = 0; key < warps * kWarpKeys; key += 16) {
      std::uint32_t a[4];
      load_matrices_transposed(a,
                               tiles.ds + tile_place(key + lane.number / 16 * 8 + lane.number % 8,
                                                     row / 8 + lane.number / 8 % 2));
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        std::uint32_t b[4];
        load_b_of_columns(b, tiles.keys, key, chunk + 2 * n);
        multiply_add<T>(c[2 * n], a, {b[0], b[1]});
        multiply_add<T>(c[2 * n + 1], a, {b[2], b[3]});
      }
    }
#pragma unroll
    for (int n = 0; n < 4; ++n) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        auto* at = reinterpret_cast<float2*>(
            dq_place(tiles.dq, query + row + lane.group + e / 2 * 8, chunk + n, lane.pair));
        const float2 before = first_keys ? make_float2(0, 0) : *at;
        *at = make_float2(before.x + c[n][e], before.y + c[n][e + 1]);
      }
    }
  }
}

template <typename T>
__device__ void copy_queries(const Tiles<T>& tiles, const Head<T>& head, int query, int buffer) {
  const int rows = min(kQueries, head.length - query);
  copy_rows(tiles.q + buffer * kTile, head.q + query * head.stride, head.stride, rows, kQueries);
  copy_rows(tiles.dy + buffer * kTile, head.dy + static_cast<std::int64_t>(query) * head.hidden,
            head.hidden, rows, kQueries);
  commit_copies();
}

// All queries against the keys from `key`; the gradients of these.
template <typename T>
__device__ void add_keys(const Tiles<T>& tiles, const Head<T>& head,
                         const AttentionArguments& arguments, int key) {
  const int tile_keys = static_cast<int>(blockDim.x) / kWarpSize * kWarpKeys;
  const Lane lane = this_lane();
  Keys keys;
  keys.first = key + static_cast<int>(threadIdx.x) / kWarpSize * kWarpKeys;
  load_a_rows(keys.k, head.q + head.hidden, head.stride, keys.first, head.length);
  load_a_rows(keys.v, head.q + 2 * head.hidden, head.stride, keys.first, head.length);
  const int first_query = arguments.causal ? key / kQueries * kQueries : 0;
  copy_rows(tiles.keys, head.q + head.hidden + key * head.stride, head.stride, head.length - key,
            tile_keys);
  copy_queries(tiles, head, first_query, 0);
  int buffer = 0;
  for (int query = first_query; query < head.length; query += kQueries) {
    wait_copies<0>();
    __syncthreads();  // the tile is there, and the previous one has been used
    if (query + kQueries < head.length) copy_queries(tiles, head, query + kQueries, 1 - buffer);
    add_queries(keys, tiles, head, arguments, query, buffer);
    __syncthreads();
    add_to_dq(tiles, query, key == 0);
    buffer = 1 - buffer;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int own = keys.first + lane.group + 8 * half;
    T* row = static_cast<T*>(arguments.dqkv) + (head.first + own) * head.stride +
             head.head * kTileHeadSize + head.hidden;
    store_c_row(row, keys.dk, half, kScale, own < head.length);
    store_c_row(row + head.hidden, keys.dv, half, 1.0f, own < head.length);
  }
}

template <typename T>
__device__ void store_dq(const Tiles<T>& tiles, const Head<T>& head, T* dqkv) {
  for (int item = static_cast<int>(threadIdx.x); item < head.length * 8;
       item += static_cast<int>(blockDim.x)) {
    const int row = item / 8;
    const int n = item % 8;
    const float* from = dq_place(tiles.dq, row, n, 0);
    std::uint32_t words[4];
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      words[w] = pack_pair<T>(from[2 * w] * kScale, from[2 * w + 1] * kScale);
    }
    T* to = dqkv + (head.first + row) * head.stride + head.head * kTileHeadSize + 8 * n;
    *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
  }
}

// Grid (sequences + 1, heads).
template <typename T>
__global__ void __launch_bounds__(kMostWarps* kWarpSize, 1)
    attention_tile_backward_kernel(AttentionArguments arguments, int padded_length) {
  if (static_cast<int>(blockIdx.x) == arguments.sequences) {
    return clear_filler<T>(arguments.dqkv, 3, arguments);
  }
  Head<T> head;
  head.hidden = arguments.hidden();
  head.head = static_cast<int>(blockIdx.y);
  head.first = arguments.offsets[blockIdx.x];
  head.length = arguments.offsets[blockIdx.x + 1] - static_cast<int>(head.first);
  if (head.length == 0) return;
  head.stride = 3 * head.hidden;
  const std::int64_t column = head.head * kTileHeadSize;
  head.q = static_cast<const T*>(arguments.qkv) + head.first * head.stride + column;
  head.dy = static_cast<const T*>(arguments.dy) + head.first * head.hidden + column;
  const bool random = arguments.dropout.threshold != 0;
  head.first_position = random ? arguments.dropout.position[head.first] : 0;

  const int tile_keys = static_cast<int>(blockDim.x) / kWarpSize * kWarpKeys;
  const Tiles<T> tiles = tiles_of<T>(dynamic_shared<float>(), padded_length, tile_keys);
  prepare_rows(tiles, head, arguments, (head.length + kQueries - 1) / kQueries * kQueries);
  for (int key = 0; key < head.length; key += tile_keys) {
    if (key > 0) __syncthreads();  // the last tile has been used
    add_keys(tiles, head, arguments, key);
  }
  __syncthreads();
  store_dq(tiles, head, static_cast<T*>(arguments.dqkv));
}

int padded_length(int max_length) {
  return (max_length + kQueries - 1) / kQueries * kQueries;
}

int warps_for(int max_length) {
  return std::clamp((max_length + kWarpKeys - 1) / kWarpKeys, 1, kMostWarps);
}

}  // namespace

std::size_t attention_tile_backward_shared_bytes(int max_length) {
  const int padded = padded_length(max_length);
  const int keys = warps_for(max_length) * kWarpKeys;
  const int floats = padded * (kTileHeadSize + 2);
  const int halves = 2 * keys * kTileHeadSize + 4 * kTile;
  return static_cast<std::size_t>(4 * floats + 2 * halves);
}

void attention_tile_backward(DType type, const AttentionArguments& arguments, cudaStream_t stream) {
  const int padded = padded_length(arguments.max_length);
  const LaunchShape shape = {
      dim3(static_cast<unsigned>(arguments.sequences + 1), static_cast<unsigned>(arguments.heads)),
      dim3(static_cast<unsigned>(warps_for(arguments.max_length) * kWarpSize)),
      attention_tile_backward_shared_bytes(arguments.max_length), stream};
  if (type == DType::bf16) {
    launch("attention_tile_backward", attention_tile_backward_kernel<__nv_bfloat16>, shape,
           arguments, padded);
  } else {
    launch("attention_tile_backward", attention_tile_backward_kernel<__half>, shape, arguments,
           padded);
  }
}

}  // namespace bertyard
