// SPDX-License-Identifier: Apache-2.0
#include "core/backend/tensor_checks.h"

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

void check_optional_f32(Argument argument, const ConstTensorView& found, const Shape& shape) {
  if (found.present()) check_f32(argument, found, shape);
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

}  // namespace bertyard
