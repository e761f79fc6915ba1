// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/tensor_checks.h"

namespace bertyard {

// More of core/backend/tensor_checks.h, for the CPU.
// An activation or its gradient, f32 or bf16: of `type`, which is that of the operation's others.
void check_activation(Argument argument, const ConstTensorView& found, DType type,
                      const Shape& shape);
// The same; absent is allowed.
void check_optional_activation(Argument argument, const ConstTensorView& found, DType type,
                               const Shape& shape);
// i32 [count], every value in [0, bound).
void check_indices(Argument argument, const ConstTensorView& found, std::int64_t count,
                   std::int64_t bound);

}  // namespace bertyard
