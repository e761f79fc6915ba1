// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "core/base/error.h"
#include "core/tensor/dtype.h"

namespace bertyard {

template <typename T>
struct ElementType {
  using Type = T;
};

// Calls `work` with the ElementType of float, __nv_bfloat16 or __half.
template <typename Work>
void for_element_type(DType type, Work work) {
  switch (type) {
    case DType::f32:
      return work(ElementType<float>());
    case DType::bf16:
      return work(ElementType<__nv_bfloat16>());
    case DType::f16:
      return work(ElementType<__half>());
    default:
      throw Error("CUDA: activations are f32, bf16 or f16, found " + std::string(name_of(type)));
  }
}

}  // namespace bertyard
