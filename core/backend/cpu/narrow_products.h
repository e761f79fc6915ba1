// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/cpu/matrix_product.h"

namespace bertyard {

// `library`, but products of f32 rows with a weight round both to bf16; their sums and results are
// f32. Keeps a copy of the rows, taken when a larger product is met. Throws EnvironmentError where
// `library` does not compute bf16.
std::unique_ptr<MatrixLibrary> make_narrow_products(std::unique_ptr<MatrixLibrary> library,
                                                    const CastKernels& cast, int threads);

}  // namespace bertyard
