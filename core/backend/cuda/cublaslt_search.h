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

void run_product(const MatrixContext& context, const ProductDescriptors& descriptors,
                 const MatrixChoice& choice, const DeviceProduct& product);

// Whether a choice from a file is good for this product here.
bool is_usable(const MatrixContext& context, const ProductDescriptors& descriptors,
               const MatrixChoice& choice);

// The fastest of what the heuristics propose for descriptors that have the product's pointers,
// timed on the product's own operands, with results of its own that take memory meanwhile; nothing
// where cublasLt proposes nothing that runs. Sums are of whole rows and in f32. Waits for the
// stream.
std::optional<MatrixChoice> search_algorithm(const MatrixContext& context,
                                             ProductDescriptors& descriptors,
                                             const DeviceProduct& product);

}  // namespace bertyard
