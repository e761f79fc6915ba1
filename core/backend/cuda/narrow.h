// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// to = from, rounded to nearest even where `to` is narrower.   f32, bf16, f16, equal elements
void convert(const TensorView& to, const ConstTensorView& from, cudaStream_t stream);

}  // namespace bertyard
