// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/tensor/buffer.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// A tensor's place in an arena: what a plan hands out and an arena turns into a view.
struct ArenaSlot {
  std::size_t offset = 0;
  DType dtype = DType::f32;
  Shape shape;
};

// First half of an arena: tensors are added, nothing is allocated, so that the memory a run needs
// is known before it starts. Scratch regions overlap each other, everything else is kept apart.
class ArenaPlan {
 public:
  static constexpr std::size_t kAlignment = 64;

  ArenaSlot add(DType dtype, const Shape& shape);

  // Slots added between mark() and release(mark) may be handed out again afterwards: a stack, for
  // scratch that does not outlive a layer's forward or backward.
  std::size_t mark() const { return cursor_; }
  void release(std::size_t mark);

  // The high-water mark.
  std::size_t bytes() const { return peak_; }

 private:
  std::size_t cursor_ = 0;
  std::size_t peak_ = 0;
};

// Second half: one allocation of plan.bytes(), fixed addresses for its whole life.
class Arena {
 public:
  Arena() = default;
  explicit Arena(Buffer buffer) : buffer_(std::move(buffer)) {}
  TensorView view(const ArenaSlot& slot) const;
  std::size_t bytes() const { return buffer_.bytes(); }

 private:
  Buffer buffer_;
};

}  // namespace bertyard
