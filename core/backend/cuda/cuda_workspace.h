// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/backend/cuda/device_matrices.h"
#include "core/backend/cuda/workspace_plan.h"
#include "core/backend/workspace_limits.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Rows in ranked order that one block adds up: rows.cu.
constexpr int kRunBlock = 64;

// Two parameters of one product that lie outside the rounded copy.
enum class RoundedScratch { weight = 0, bias = 1 };

// Scratch memory of the GPU's layer operations, taken once by reserve(): partial sums, the order of
// rows, the rounded copy of the parameters and what the matrix products want.
class CudaWorkspace {
 public:
  explicit CudaWorkspace(DeviceMatrices& matrices) : matrices_(matrices) {}

  std::size_t bytes(const WorkspaceLimits& limits) const;
  void reserve(const WorkspaceLimits& limits);
  const WorkspaceLimits& limits() const { return limits_; }

  // Each throws Error where reserve() was given less.
  float* partials(std::string_view operation, std::int64_t floats);
  std::int32_t* order(std::string_view operation, std::int64_t rows);
  // Room for a parameter of `elements` in the activations' type.
  TensorView scratch(RoundedScratch which, std::int64_t elements);
  // The parameters in the activations' type, [limits().parameters]; absent where these are f32.
  TensorView rounded_parameters() const;

 private:
  CudaWorkspacePlan slots(const WorkspaceLimits& limits) const;

  DeviceMatrices& matrices_;
  WorkspaceLimits limits_;
  CudaWorkspacePlan slots_;
  Arena arena_;
};

}  // namespace bertyard
