// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/tensor_view.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

std::size_t slice_offset(const ConstTensorView& view, std::int64_t first, std::int64_t count) {
  BERTYARD_CHECK(first >= 0 && count >= 0 && first + count <= view.rows(),
                 fmt::format("tensor: rows {} to {} of a tensor of shape {}", first, first + count,
                             to_string(view.shape())));
  return static_cast<std::size_t>(first * view.shape().row_elements()) * size_of(view.dtype());
}

void check_reshape(const ConstTensorView& view, const Shape& shape) {
  BERTYARD_CHECK(
      shape.elements() == view.shape().elements(),
      fmt::format("tensor: {} cannot be seen as {}", to_string(view.shape()), to_string(shape)));
}

}  // namespace

void throw_dtype_mismatch(DType expected, DType found) {
  throw Error(fmt::format("tensor: expected {}, found {}", name_of(expected), name_of(found)));
}

ConstTensorView ConstTensorView::slice(std::int64_t first, std::int64_t count) const {
  const std::size_t offset = slice_offset(*this, first, count);
  return {static_cast<const std::byte*>(data_) + offset, type_, shape_.with_rows(count)};
}

ConstTensorView ConstTensorView::reshaped(Shape shape) const {
  check_reshape(*this, shape);
  return {data_, type_, shape};
}

TensorView TensorView::slice(std::int64_t first, std::int64_t count) const {
  const std::size_t offset = slice_offset(*this, first, count);
  return {static_cast<std::byte*>(writable_) + offset, type_, shape_.with_rows(count)};
}

TensorView TensorView::reshaped(Shape shape) const {
  check_reshape(*this, shape);
  return {writable_, type_, shape};
}

}  // namespace bertyard
