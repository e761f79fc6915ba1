// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "core/backend/cuda/workspace_plan.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// Sums over rows in two stages, each in an order that nothing but the shape decides: blocks of
// kRowBlock rows to partial sums, then these. The second stage: first[c] += sum of partials[b][c]
// for c below `columns`, and second[c] the same of the columns behind these where it is not null.
struct ColumnSums {
  float* first = nullptr;
  float* second = nullptr;
  const float* partials = nullptr;  // [blocks, 1 or 2, columns]
  std::int64_t blocks = 0, columns = 0;
  cudaStream_t stream = nullptr;
};
void add_partials(const ColumnSums& sums);

// sums[c] += sum of the rows of x [R, C], f32, bf16 or f16; partials [row_blocks(R), C].
void add_column_sums(float* sums, const ConstTensorView& x, float* partials, cudaStream_t stream);

}  // namespace bertyard
