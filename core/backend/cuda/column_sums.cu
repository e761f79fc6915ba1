// SPDX-License-Identifier: Apache-2.0
// Sums over rows: gradients of biases and of LayerNorm's parameters. Bound by the bytes of x.
#include "core/backend/cuda/column_sums.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

constexpr int kSide = 32;

__global__ void add_partials_kernel(const ColumnSums in) {
  __shared__ float sums[kSide][kSide + 1];
  const std::int64_t width = in.second == nullptr ? in.columns : 2 * in.columns;
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * kSide + threadIdx.x;
  float sum = 0;
  if (c < width) {
    for (std::int64_t b = threadIdx.y; b < in.blocks; b += kSide) sum += in.partials[b * width + c];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || c >= width) return;
  float total = 0;
  for (int i = 0; i < kSide; ++i) total += sums[i][threadIdx.x];
  float* out = c < in.columns ? in.first + c : in.second + (c - in.columns);
  *out += total;
}

constexpr int kLanes = 8;  // rows that a block reads at a time

template <typename T>
struct Rows {
  const T* x;
  float* partials;
  std::int64_t rows, columns;
  Access access;
};

template <typename T>
__global__ void column_sums_kernel(const Rows<T> in) {
  __shared__ float sums[kLanes][kSide * kGroup + 1];
  const std::int64_t column =
      (static_cast<std::int64_t>(blockIdx.x) * kSide + threadIdx.x) * kGroup;
  const std::int64_t left = in.columns - column;
  const int present = left < 0 ? 0 : left < kGroup ? static_cast<int>(left) : kGroup;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * kRowBlock;
  const std::int64_t end = first + kRowBlock < in.rows ? first + kRowBlock : in.rows;
  float sum[kGroup] = {};
  if (present > 0) {
    for (std::int64_t row = first + threadIdx.y; row < end; row += kLanes) {
      float x[kGroup];
      load_group(x, in.x + row * in.columns + column, present, in.access);
#pragma unroll
      for (int i = 0; i < kGroup; ++i) sum[i] += x[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kGroup; ++i) sums[threadIdx.y][threadIdx.x * kGroup + i] = sum[i];
  __syncthreads();
  const int c = static_cast<int>(threadIdx.y * kSide + threadIdx.x);  // of this block's 256 columns
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kSide * kGroup + c;
  if (at >= in.columns) return;
  float total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += sums[lane][c];
  in.partials[static_cast<std::int64_t>(blockIdx.y) * in.columns + at] = total;
}

}  // namespace

void add_partials(const ColumnSums& sums) {
  const std::int64_t width = sums.second == nullptr ? sums.columns : 2 * sums.columns;
  if (width == 0 || sums.blocks == 0) return;
  launch("add_partials", add_partials_kernel,
         {.grid = dim3(static_cast<unsigned>((width + kSide - 1) / kSide)),
          .block = dim3(kSide, kSide),
          .stream = sums.stream},
         sums);
}

void add_column_sums(float* sums, const ConstTensorView& x, float* partials, cudaStream_t stream) {
  const std::int64_t rows = x.rows(), columns = x.shape().row_elements();
  if (rows == 0 || columns == 0) return;
  const std::int64_t width = kSide * kGroup;
  for_element_type(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const T* data = static_cast<const T*>(x.data());
    launch("column_sums", column_sums_kernel<T>,
           {.grid = dim3(static_cast<unsigned>((columns + width - 1) / width),
                         static_cast<unsigned>(row_blocks(rows))),
            .block = dim3(kSide, kLanes),
            .stream = stream},
           Rows<T>{data, partials, rows, columns, access_of(columns, data)});
  });
  add_partials({.first = sums,
                .partials = partials,
                .blocks = row_blocks(rows),
                .columns = columns,
                .stream = stream});
}

}  // namespace bertyard
