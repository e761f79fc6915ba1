// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/arena.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

ArenaSlot ArenaPlan::add(DType dtype, const Shape& shape) {
  const ArenaSlot slot{cursor_, dtype, shape};
  const std::size_t bytes = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  cursor_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  peak_ = std::max(peak_, cursor_);
  return slot;
}

void ArenaPlan::release(std::size_t mark) {
  BERTYARD_CHECK(mark <= cursor_, "arena: released a mark that was never reached");
  cursor_ = mark;
}

TensorView Arena::view(const ArenaSlot& slot) const {
  const std::size_t bytes = static_cast<std::size_t>(slot.shape.elements()) * size_of(slot.dtype);
  BERTYARD_CHECK(slot.offset + bytes <= buffer_.bytes(),
                 fmt::format("arena: a slot ends at byte {}, the arena has {}", slot.offset + bytes,
                             buffer_.bytes()));
  return {static_cast<std::byte*>(buffer_.data()) + slot.offset, slot.dtype, slot.shape};
}

}  // namespace bertyard
