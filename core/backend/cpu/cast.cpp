// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include <fmt/format.h>

#include "core/backend/cpu/cpu_update_ops.h"
#include "core/backend/cpu/narrow_floats.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

template <typename To, typename From>
To converted(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else {
    float wide;
    if constexpr (std::is_same_v<From, float>) {
      wide = value;
    } else {
      wide = to_float(value);
    }
    if constexpr (std::is_same_v<To, BFloat16>) {
      return to_bfloat16(wide);
    } else if constexpr (std::is_same_v<To, Float16>) {
      return to_float16(wide);
    } else {
      return wide;
    }
  }
}

template <typename To, typename From>
void cast_all(const TensorView& to, const ConstTensorView& from, int threads) {
  To* out = to.as<To>();
  const From* in = from.as<From>();
  const std::int64_t n = to.elements();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t i = 0; i < n; ++i) out[i] = converted<To>(in[i]);
}

template <typename To>
void cast_to(const TensorView& to, const ConstTensorView& from, int threads) {
  switch (from.dtype()) {
    case DType::f32:
      return cast_all<To, float>(to, from, threads);
    case DType::bf16:
      return cast_all<To, BFloat16>(to, from, threads);
    case DType::f16:
      return cast_all<To, Float16>(to, from, threads);
    default:
      throw Error(
          fmt::format("cast: `from` must be f32, bf16 or f16, found {}", name_of(from.dtype())));
  }
}

}  // namespace

void CpuUpdateOps::cast(TensorView to, ConstTensorView from, Stream& /*stream*/) {
  check_elements({"cast", "from"}, from, to.elements());
  switch (to.dtype()) {
    case DType::f32:
      return cast_to<float>(to, from, threads_);
    case DType::bf16:
      return cast_to<BFloat16>(to, from, threads_);
    case DType::f16:
      return cast_to<Float16>(to, from, threads_);
    default:
      throw Error(
          fmt::format("cast: `to` must be f32, bf16 or f16, found {}", name_of(to.dtype())));
  }
}

}  // namespace bertyard
