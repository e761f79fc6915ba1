// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "core/backend/cuda/cuda_attention.h"
#include "core/backend/cuda/cuda_workspace.h"
#include "core/backend/cuda/device_matrices.h"
#include "core/backend/layer_ops.h"

namespace bertyard {

// LayerOps on a GPU, activations f32, bf16 or f16: kernels of this folder on one stream, and matrix
// products by a library. Indices and labels are not looked at on the host; tensors are checked by
// shape and type. Borrows the products, owns the workspace. One .cu per family of operations.
class CudaLayerOps : public LayerOps {
 public:
  // `shared_bytes` is what a block of this device can have.
  CudaLayerOps(DeviceMatrices& matrices, int shared_bytes, cudaStream_t stream)
      : matrices_(matrices),
        stream_(stream),
        workspace_(matrices),
        attention_(AttentionKernel::automatic, shared_bytes, stream) {}

  std::size_t workspace_bytes(const WorkspaceLimits& limits) const override;
  void reserve(const WorkspaceLimits& limits) override;
  void bind_parameters(ConstTensorView values) override;
  void weights_changed() override;

  void linear(TensorView y, TensorView pre, const LinearInput& input) override;
  void linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                             Accumulate accumulate) override;
  void linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                             Activation activation, ConstTensorView pre) override;
  void linear_backward_weight(TensorView dw, TensorView dbias, ConstTensorView dy,
                              ConstTensorView x) override;
  void activation_backward(TensorView dx, ConstTensorView dy, ConstTensorView pre,
                           Activation activation) override;

  void embedding(TensorView y, const NormSaved& saved, const EmbeddingIndices& indices,
                 const EmbeddingTables& tables, const NormParameters& norm,
                 const Dropout& dropout) override;
  void embedding_backward(const EmbeddingGradients& gradients, const NormGradients& dnorm,
                          TensorView scratch, const EmbeddingBackward& input) override;

  void add_norm(TensorView y, const NormSaved& saved, ConstTensorView x, ConstTensorView residual,
                const NormParameters& norm, const Dropout& dropout) override;
  void add_norm_backward(TensorView dx, TensorView dresidual, const NormGradients& dnorm,
                         ConstTensorView dy, const NormParameters& norm, const NormSaved& saved,
                         const Dropout& dropout) override;

  void attention(TensorView y, TensorView log_sum, ConstTensorView qkv, std::int64_t heads,
                 const PackedSequences& packing, const Dropout& dropout) override;
  void attention_backward(TensorView dqkv, const AttentionBackward& input) override;
  void attention_with_scores(TensorView y, TensorView log_sum, TensorView scores,
                             ConstTensorView qkv, std::int64_t heads,
                             const PackedSequences& packing, const Dropout& dropout) override;
  void attention_with_scores_backward(TensorView dqkv, ConstTensorView dscores,
                                      const AttentionBackward& input) override;

  void gather_rows(TensorView y, ConstTensorView x, ConstTensorView rows) override;
  void scatter_add_rows(TensorView dx, ConstTensorView dy, ConstTensorView rows) override;

  void cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                     ConstTensorView labels) override;
  void cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                              ConstTensorView labels, ConstTensorView scale) override;
  void soft_cross_entropy_gradient(TensorView loss, TensorView logits, ConstTensorView target,
                                   ConstTensorView scale) override;
  void add_sum(TensorView sum, ConstTensorView x) override;

 private:
  // `parameter` in `type`: itself, its place in the rounded copy, or rounded now into scratch.
  const void* rounded(const ConstTensorView& parameter, DType type, RoundedScratch which);
  DeviceProduct weight_product(TensorView y, ConstTensorView a, ConstTensorView w,
                               DeviceProduct product);
  void activate(TensorView y, ConstTensorView x, Activation activation);
  // table[index[t]] += x[t] in the order of t.
  void scatter(TensorView table, ConstTensorView x, ConstTensorView index);

  DeviceMatrices& matrices_;
  cudaStream_t stream_;
  CudaWorkspace workspace_;
  CudaAttention attention_;
  ConstTensorView parameters_;
};

}  // namespace bertyard
