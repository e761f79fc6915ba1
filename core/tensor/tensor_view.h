// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace bertyard {

[[noreturn]] void throw_dtype_mismatch(DType expected, DType found);

// A borrowed, read-only, contiguous row-major tensor. A default-constructed view is "absent":
// operations take it where an argument is optional.
class ConstTensorView {
 public:
  ConstTensorView() = default;
  ConstTensorView(const void* data, DType type, Shape shape)
      : data_(data), type_(type), shape_(shape) {}

  bool present() const { return data_ != nullptr; }
  DType dtype() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return present() ? shape_.elements() : 0; }
  std::int64_t rows() const { return shape_.rank() == 0 ? 0 : shape_[0]; }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(type_); }
  const void* data() const { return data_; }

  // Device memory may be behind it: only code that knows the memory is the host's may dereference.
  template <typename T>
  const T* as() const {
    if (DTypeOf<T>::value != type_) throw_dtype_mismatch(DTypeOf<T>::value, type_);
    return static_cast<const T*>(data_);
  }
  template <typename T>
  std::span<const T> span() const {
    return {as<T>(), static_cast<std::size_t>(elements())};
  }

  // `count` rows of the outermost axis from `first`.
  ConstTensorView slice(std::int64_t first, std::int64_t count) const;
  ConstTensorView reshaped(Shape shape) const;

 protected:
  const void* data_ = nullptr;
  DType type_ = DType::f32;
  Shape shape_;
};

// The same, writable.
class TensorView : public ConstTensorView {
 public:
  TensorView() = default;
  TensorView(void* data, DType type, Shape shape)
      : ConstTensorView(data, type, shape), writable_(data) {}

  void* data() const { return writable_; }
  template <typename T>
  T* as() const {
    if (DTypeOf<T>::value != type_) throw_dtype_mismatch(DTypeOf<T>::value, type_);
    return static_cast<T*>(writable_);
  }
  template <typename T>
  std::span<T> span() const {
    return {as<T>(), static_cast<std::size_t>(elements())};
  }
  TensorView slice(std::int64_t first, std::int64_t count) const;
  TensorView reshaped(Shape shape) const;

 private:
  void* writable_ = nullptr;
};

// A view of host memory that someone else owns, one axis.
template <typename T>
TensorView view_of(std::span<T> values) {
  return TensorView(values.data(), DTypeOf<T>::value, {static_cast<std::int64_t>(values.size())});
}
template <typename T>
ConstTensorView view_of(std::span<const T> values) {
  return ConstTensorView(values.data(), DTypeOf<T>::value,
                         {static_cast<std::int64_t>(values.size())});
}

}  // namespace bertyard
