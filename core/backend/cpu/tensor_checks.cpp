// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/tensor_checks.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

std::string description(const ConstTensorView& view) {
  if (!view.present()) return "nothing";
  return fmt::format("{} {}", name_of(view.dtype()), to_string(view.shape()));
}

[[noreturn]] void throw_mismatch(Argument argument, const std::string& expected,
                                 const ConstTensorView& found) {
  throw Error(fmt::format("{}: {} must be {}, found {}", argument.operation, argument.name,
                          expected, description(found)));
}

}  // namespace

void check_tensor(Argument argument, const ConstTensorView& found, DType type, const Shape& shape) {
  const bool absent = !found.present() && shape.elements() > 0;
  if (absent || found.dtype() != type || found.shape() != shape) {
    throw_mismatch(argument, fmt::format("{} {}", name_of(type), to_string(shape)), found);
  }
}

void check_f32(Argument argument, const ConstTensorView& found, const Shape& shape) {
  check_tensor(argument, found, DType::f32, shape);
}

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

void check_optional_f32(Argument argument, const ConstTensorView& found, const Shape& shape) {
  if (found.present()) check_f32(argument, found, shape);
}

void check_optional_activation(Argument argument, const ConstTensorView& found, DType type,
                               const Shape& shape) {
  if (found.present()) check_activation(argument, found, type, shape);
}

void check_rank(Argument argument, const ConstTensorView& found, int rank) {
  if (found.shape().rank() != rank) {
    throw_mismatch(argument, fmt::format("a tensor of {} axes", rank), found);
  }
}

void check_elements(Argument argument, const ConstTensorView& found, std::int64_t elements) {
  if (found.elements() != elements) {
    throw_mismatch(argument, fmt::format("{} elements", elements), found);
  }
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
