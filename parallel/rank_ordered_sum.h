// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor/dtype.h"

namespace bertyard {

// The types that collectives add: f32, bf16, f64, i32, i64, u64.
bool is_summable(DType type);

// out[i] = ((sources[0][i] + sources[1][i]) + sources[2][i]) + ..., in the type itself, bf16 in f32
// and rounded once: the order of the ranks and nothing else decides the bits. `out` may be one of
// the sources.
void rank_ordered_sum(void* out, std::span<const void* const> sources, DType type,
                      std::int64_t elements);

}  // namespace bertyard
