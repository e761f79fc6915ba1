// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/cpu/matrix_product.h"

namespace bertyard {

// Whether pack_pairs() takes the operand: f32 as it lies or transposed, bf16 as it lies.
bool packs_pairs(const MatrixOperand& b);

// op(b) [k, n], rounded to bf16, as PairBlocks: ceil(n / 64) ceil(k / 32) blocks of 4 KiB. What a
// library's general conversion does at a fraction of the memory's speed.
void pack_pairs(void* to, const MatrixOperand& b, std::int64_t k, std::int64_t n,
                const PackKernels& kernels, int threads);

}  // namespace bertyard
