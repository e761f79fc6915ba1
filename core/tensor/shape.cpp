// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/shape.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  BERTYARD_CHECK(extents.size() <= kMaxRank,
                 fmt::format("tensor: at most {} axes, got {}", kMaxRank, extents.size()));
  for (const std::int64_t extent : extents) {
    BERTYARD_CHECK(extent >= 0, fmt::format("tensor: extent {} is negative", extent));
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::int64_t Shape::row_elements() const {
  std::int64_t product = 1;
  for (int axis = 1; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

Shape Shape::with_rows(std::int64_t rows) const {
  BERTYARD_CHECK(rank_ > 0, "tensor: a scalar has no rows");
  Shape copy = *this;
  copy.extents_[0] = rows;
  return copy;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    text += fmt::format("{}{}", axis == 0 ? "" : ", ", shape[axis]);
  }
  return text + "]";
}

}  // namespace bertyard
