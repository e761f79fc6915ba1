// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_layer_ops.h"

namespace bertyard {

void CudaLayerOps::attention(TensorView y, TensorView log_sum, ConstTensorView qkv,
                             std::int64_t heads, const PackedSequences& packing,
                             const Dropout& dropout) {
  attention_.forward({.y = y,
                      .log_sum = log_sum,
                      .scores = {},
                      .qkv = qkv,
                      .heads = heads,
                      .packing = packing,
                      .dropout = dropout});
}

void CudaLayerOps::attention_backward(TensorView dqkv, const AttentionBackward& input) {
  attention_.backward(dqkv, {}, input);
}

void CudaLayerOps::attention_with_scores(TensorView y, TensorView log_sum, TensorView scores,
                                         ConstTensorView qkv, std::int64_t heads,
                                         const PackedSequences& packing, const Dropout& dropout) {
  attention_.forward({.y = y,
                      .log_sum = log_sum,
                      .scores = scores,
                      .qkv = qkv,
                      .heads = heads,
                      .packing = packing,
                      .dropout = dropout});
}

void CudaLayerOps::attention_with_scores_backward(TensorView dqkv, ConstTensorView dscores,
                                                  const AttentionBackward& input) {
  attention_.backward(dqkv, dscores, input);
}

}  // namespace bertyard
