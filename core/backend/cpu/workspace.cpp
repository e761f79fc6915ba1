// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/workspace.h"

#include <algorithm>

#include <fmt/format.h>
#include <omp.h>

#include "core/backend/cpu/host_memory.h"
#include "core/base/error.h"

namespace bertyard {

std::int64_t Workspace::partial_floats(std::int64_t rows, std::int64_t columns) {
  return (rows + kRowBlock - 1) / kRowBlock * 2 * columns;
}

std::int64_t Workspace::partial_floats(const WorkspaceLimits& limits) const {
  const std::int64_t rows = std::max({limits.tokens, limits.masked, limits.sequences});
  return (partial_floats(rows, limits.hidden) + 15) / 16 * 16;
}

std::int64_t Workspace::attention_floats(const WorkspaceLimits& limits) const {
  if (limits.heads == 0) return 0;
  return attention_.scratch_floats(limits.max_length, limits.hidden / limits.heads);
}

std::int64_t Workspace::row_floats(const WorkspaceLimits& limits) {
  const std::int64_t columns =
      std::max({3 * limits.hidden, limits.intermediate, limits.vocab_size});
  return (columns + 15) / 16 * 16;
}

std::size_t Workspace::bytes(const WorkspaceLimits& limits) const {
  const std::int64_t a_thread = attention_floats(limits) + RowScratch::kRows * row_floats(limits);
  const std::int64_t floats = partial_floats(limits) + threads_ * a_thread;
  return static_cast<std::size_t>(floats) * sizeof(float);
}

void Workspace::reserve(const WorkspaceLimits& limits) {
  buffer_ = allocate_host_memory(bytes(limits));
  limits_ = limits;
}

float* Workspace::row_partials(std::string_view operation, std::int64_t rows,
                               std::int64_t columns) {
  if (partial_floats(rows, columns) > partial_floats(limits_)) {
    throw Error(fmt::format(
        "{}: {} rows of {} exceed the workspace reserved for {} tokens, {} masked rows and {} "
        "sequences of hidden size {}; call reserve() with larger limits before the first step",
        operation, rows, columns, limits_.tokens, limits_.masked, limits_.sequences,
        limits_.hidden));
  }
  return static_cast<float*>(buffer_.data());
}

float* Workspace::attention(std::string_view operation, std::int64_t length,
                            std::int64_t head_size) {
  if (attention_.scratch_floats(length, head_size) > attention_floats(limits_)) {
    throw Error(fmt::format(
        "{}: sequences of up to {} tokens and heads of {} exceed the workspace reserved for {} "
        "tokens a sequence and {} heads in {}; call reserve() with larger limits before the first "
        "step",
        operation, length, head_size, limits_.max_length, limits_.heads, limits_.hidden));
  }
  return static_cast<float*>(buffer_.data()) + partial_floats(limits_);
}

float* RowScratch::row(int index) const {
  return first == nullptr ? nullptr : first + (omp_get_thread_num() * kRows + index) * stride;
}

RowScratch Workspace::rows(std::string_view operation, const ConstTensorView& view) {
  if (view.dtype() == DType::f32) return {};
  const std::int64_t columns = view.shape().row_elements();
  const std::int64_t reserved = row_floats(limits_);
  if (columns > reserved) {
    throw Error(fmt::format(
        "{}: rows of {} exceed the workspace reserved for a hidden size of {}, an intermediate "
        "size of {} and a vocabulary of {}; call reserve() with larger limits before the first "
        "step",
        operation, columns, limits_.hidden, limits_.intermediate, limits_.vocab_size));
  }
  return {static_cast<float*>(buffer_.data()) + partial_floats(limits_) +
              threads_ * attention_floats(limits_),
          reserved};
}

}  // namespace bertyard
