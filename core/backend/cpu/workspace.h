// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/layer_ops.h"
#include "core/tensor/buffer.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// A few rows of floats for each thread; null where an operation needs none.
struct RowScratch {
  static constexpr int kRows = 4;  // of a thread
  float* first = nullptr;
  std::int64_t stride = 0;
  // For the calling OpenMP thread.
  float* row(int index) const;
};

// Scratch memory of the CPU's layer operations, taken once by reserve(): per block of rows the
// partial sums of a LayerNorm's dgamma and dbeta, per thread what one attention head needs and a
// few rows as floats.
class Workspace {
 public:
  static constexpr std::int64_t kRowBlock = 64;  // rows of one partial sum

  Workspace(int threads, const AttentionKernels& attention)
      : threads_(threads), attention_(attention) {}

  std::size_t bytes(const WorkspaceLimits& limits) const;
  void reserve(const WorkspaceLimits& limits);

  // [ceil(rows / kRowBlock), 2, columns]; throws Error where reserve() was given less.
  float* row_partials(std::string_view operation, std::int64_t rows, std::int64_t columns);
  // One region a thread, attention_stride() floats apart; throws likewise.
  float* attention(std::string_view operation, std::int64_t length, std::int64_t head_size);
  std::int64_t attention_stride() const { return attention_floats(limits_); }
  // Rows of floats for an operation on activations like `view`; throws likewise. Nothing in f32,
  // where rows are used as they lie.
  RowScratch rows(std::string_view operation, const ConstTensorView& view);

 private:
  static std::int64_t partial_floats(std::int64_t rows, std::int64_t columns);
  std::int64_t partial_floats(const WorkspaceLimits& limits) const;
  std::int64_t attention_floats(const WorkspaceLimits& limits) const;
  static std::int64_t row_floats(const WorkspaceLimits& limits);

  int threads_;
  AttentionKernels attention_;
  WorkspaceLimits limits_;
  Buffer buffer_;
};

}  // namespace bertyard
