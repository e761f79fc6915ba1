// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/backend/workspace_limits.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Sums over rows in two stages: blocks of kRowBlock rows to partial sums, then these.
constexpr std::int64_t kRowBlock = 64;
inline std::int64_t row_blocks(std::int64_t rows) {
  return (rows + kRowBlock - 1) / kRowBlock;
}

// What cublasLt's products may use: NVIDIA's advice for Hopper.
constexpr std::size_t kProductWorkspaceBytes = 32u << 20;

// Where the scratch memory of a GPU's layer operations lies. Needs neither a GPU nor the toolkit,
// so that every build can say what a run would take.
struct CudaWorkspacePlan {
  ArenaPlan plan;
  ArenaSlot partials;    // f32, partial sums over rows
  ArenaSlot order;       // i32, rows in ranked order
  ArenaSlot products;    // of the matrix products
  ArenaSlot rounded;     // the parameters in the activations' type, unless that is f32
  ArenaSlot scratch[2];  // a weight and a bias rounded at use, where no buffer is bound
};
CudaWorkspacePlan plan_cuda_workspace(const WorkspaceLimits& limits, std::size_t product_bytes);

}  // namespace bertyard
