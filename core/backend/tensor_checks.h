// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// An argument of an operation by name: what the messages below call it.
struct Argument {
  std::string_view operation;
  std::string_view name;
};

// Each throws Error naming operation, argument, what was expected and what was found. None looks at
// the elements, so the memory may be any device's.
void check_tensor(Argument argument, const ConstTensorView& found, DType type, const Shape& shape);
// Parameters, their gradients and statistics: f32.
void check_f32(Argument argument, const ConstTensorView& found, const Shape& shape);
// The same; absent is allowed.
void check_optional_f32(Argument argument, const ConstTensorView& found, const Shape& shape);
void check_rank(Argument argument, const ConstTensorView& found, int rank);
void check_elements(Argument argument, const ConstTensorView& found, std::int64_t elements);

}  // namespace bertyard
