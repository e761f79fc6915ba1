// SPDX-License-Identifier: Apache-2.0
// Conversions between f32, bf16 and f16. Bound by bytes.
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/backend/cuda/narrow.h"

namespace bertyard {
namespace {

constexpr int kThreads = 256;

template <typename To, typename From>
__global__ void convert_kernel(To* to, const From* from, std::int64_t elements, Access access) {
  const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kGroup;
  const std::int64_t left = elements - at;
  if (left <= 0) return;
  const int present = left < kGroup ? static_cast<int>(left) : kGroup;
  const Access here = present == kGroup ? access : Access::elements;
  float x[kGroup];
  load_group(x, from + at, present, here);
  store_group(to + at, x, present, here);
}

}  // namespace

void convert(const TensorView& to, const ConstTensorView& from, cudaStream_t stream) {
  const std::int64_t elements = to.elements(), width = kThreads * kGroup;
  if (elements == 0) return;
  for_element_type(to.dtype(), [&](auto to_tag) {
    for_element_type(from.dtype(), [&](auto from_tag) {
      using To = typename decltype(to_tag)::Type;
      using From = typename decltype(from_tag)::Type;
      launch("cast", convert_kernel<To, From>,
             {.grid = dim3(static_cast<unsigned>((elements + width - 1) / width)),
              .block = dim3(kThreads),
              .stream = stream},
             static_cast<To*>(to.data()), static_cast<const From*>(from.data()), elements,
             access_of(0, to.data(), from.data()));
    });
  });
}

}  // namespace bertyard
