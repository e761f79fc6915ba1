// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// Rows of a [R, C] activation as floats, whatever its type: the memory itself in f32, in bf16 a
// copy in scratch that the caller owns, C floats for each row held at once.
class FloatRows {
 public:
  FloatRows(const CastKernels& cast, const ConstTensorView& view)
      : cast_(cast),
        data_(view.data()),
        columns_(view.shape().row_elements()),
        narrow_(view.dtype() == DType::bf16) {}

  // Row r to read; null where the view is absent.
  const float* read(std::int64_t r, float* scratch) const {
    if (data_ == nullptr) return nullptr;
    if (!narrow_) return static_cast<const float*>(data_) + r * columns_;
    cast_.widen(scratch, static_cast<const BFloatBits*>(data_) + r * columns_, columns_);
    return scratch;
  }

 protected:
  const CastKernels& cast_;
  const void* data_;
  std::int64_t columns_;
  bool narrow_;
};

// The same to write: fill what row() gives, then finish().
class WritableFloatRows : public FloatRows {
 public:
  WritableFloatRows(const CastKernels& cast, const TensorView& view)
      : FloatRows(cast, view), out_(view.data()) {}

  float* row(std::int64_t r, float* scratch) const {
    if (out_ == nullptr) return nullptr;
    return narrow_ ? scratch : static_cast<float*>(out_) + r * columns_;
  }
  // `filled` is what row(r) gave.
  void finish(std::int64_t r, const float* filled) const {
    if (out_ == nullptr || !narrow_) return;
    cast_.narrow(static_cast<BFloatBits*>(out_) + r * columns_, filled, columns_);
  }

 private:
  void* out_;
};

}  // namespace bertyard
