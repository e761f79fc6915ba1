// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <cublasLt.h>

#include "core/backend/cuda/cublaslt_plan.h"
#include "core/backend/cuda/matrix_choices.h"

namespace bertyard {

struct MatrixContext {
  cublasLtHandle_t handle = nullptr;
  TensorView workspace;
  cudaStream_t stream = nullptr;
};

// `y` is where the result goes; product.y is what beta multiplies.
void run_product(const MatrixContext& context, const ProductDescriptors& descriptors,
                 const MatrixChoice& choice, const DeviceProduct& product, void* y);

// The fastest of what the heuristics propose, timed on the product's own tensors, which it leaves
// as they are; nothing where cublasLt proposes nothing. Waits for the stream.
std::optional<MatrixChoice> search_algorithm(const MatrixContext& context,
                                             ProductDescriptors& descriptors,
                                             const DeviceProduct& product);

}  // namespace bertyard
