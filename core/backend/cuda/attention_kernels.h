// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <cuda_runtime_api.h>

#include "core/backend/cuda/attention_arguments.h"
#include "core/tensor/dtype.h"

namespace bertyard {

// Any head size to kGenericHeadSize, any length, f32, bf16 and f16, key masks, scores.
constexpr int kGenericHeadSize = 256;
void attention_generic_forward(DType type, const AttentionArguments& arguments,
                               cudaStream_t stream);
void attention_generic_backward(DType type, const AttentionArguments& arguments,
                                cudaStream_t stream);

// On tensor cores: heads of kTileHeadSize in bf16 or f16, no key mask, no scores. A block needs so
// much shared memory for sequences of up to `max_length`.
constexpr int kTileHeadSize = 64;
std::size_t attention_tile_forward_shared_bytes(int max_length);
std::size_t attention_tile_backward_shared_bytes(int max_length);
void attention_tile_forward(DType type, const AttentionArguments& arguments, cudaStream_t stream);
void attention_tile_backward(DType type, const AttentionArguments& arguments, cudaStream_t stream);

}  // namespace bertyard
