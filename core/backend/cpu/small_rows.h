// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// Single elements of an activation, f32 or bf16, as floats: for logits of a few classes, where
// whole rows of scratch would cost more than they save.
class Elements {
 public:
  explicit Elements(const ConstTensorView& view)
      : wide_(view.dtype() == DType::f32 ? view.as<float>() : nullptr),
        narrow_(view.dtype() == DType::bf16 ? view.as<BFloat16>() : nullptr) {}

  float operator[](std::int64_t i) const {
    if (wide_ != nullptr) return wide_[i];
    return std::bit_cast<float>(static_cast<std::uint32_t>(narrow_[i].bits) << 16);
  }

 private:
  const float* wide_;
  const BFloat16* narrow_;
};

class WritableElements : public Elements {
 public:
  explicit WritableElements(const TensorView& view)
      : Elements(view),
        wide_(view.dtype() == DType::f32 ? view.as<float>() : nullptr),
        narrow_(view.dtype() == DType::bf16 ? view.as<BFloat16>() : nullptr) {}

  // bf16 rounds to the nearest, halves to even.
  void set(std::int64_t i, float value) const {
    if (wide_ != nullptr) {
      wide_[i] = value;
      return;
    }
    const auto bits = std::bit_cast<std::uint32_t>(value);
    narrow_[i].bits = static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
  }

 private:
  float* wide_;
  BFloat16* narrow_;
};

}  // namespace bertyard
