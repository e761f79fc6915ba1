// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/tensor_checks.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

void check_activation(Argument argument, const ConstTensorView& found, DType type,
                      const Shape& shape) {
  if (type != DType::f32 && type != DType::bf16) {
    throw Error(
        fmt::format("{}: {} is {}, but activations on the CPU are f32 or bf16; set the "
                    "precision to fp32 or bf16",
                    argument.operation, argument.name, name_of(type)));
  }
  check_tensor(argument, found, type, shape);
}

void check_optional_activation(Argument argument, const ConstTensorView& found, DType type,
                               const Shape& shape) {
  if (found.present()) check_activation(argument, found, type, shape);
}

void check_indices(Argument argument, const ConstTensorView& found, std::int64_t count,
                   std::int64_t bound) {
  check_tensor(argument, found, DType::i32, {count});
  const auto* index = found.as<std::int32_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    if (index[i] < 0 || index[i] >= bound) {
      throw Error(fmt::format("{}: {}[{}] is {}, expected 0 to {}", argument.operation,
                              argument.name, i, index[i], bound - 1));
    }
  }
}

}  // namespace bertyard
