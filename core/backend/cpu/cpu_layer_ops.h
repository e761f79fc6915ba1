// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/cpu/dropout_row.h"
#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/cpu/matrix_product.h"
#include "core/backend/cpu/workspace.h"
#include "core/backend/layer_ops.h"

namespace bertyard {

// LayerOps on the host, activations f32 or bf16. Rows, heads and strips of columns are shared out
// among OpenMP threads; every sum runs in an order that does not depend on their number. Borrows
// the kernels and the matrix library, owns the workspace. One .cpp per family of operations.
class CpuLayerOps : public LayerOps {
 public:
  CpuLayerOps(const CpuKernels& kernels, MatrixLibrary& matrices, int threads);

  std::size_t workspace_bytes(const WorkspaceLimits& limits) const override;
  void reserve(const WorkspaceLimits& limits) override;
  void weights_changed() override { matrices_.weights_changed(); }

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
  // y [rows of a, rows of op(w)] = a op(w) + bias, op transposing or not.
  void multiply_weight(TensorView y, ConstTensorView a, ConstTensorView w, Transpose transpose,
                       ConstTensorView bias, float beta);
  void activate(TensorView y, ConstTensorView x, Activation activation);
  void add_column_sums(float* sums, ConstTensorView x);

  struct NormBackwardRows;
  void norm_backward_block(const NormBackwardRows& rows, std::int64_t block, float* partials);
  void norm_backward_row(const NormBackwardRows& rows, std::int64_t r, float* partials);
  void norm_backward(const NormBackwardRows& rows, const NormGradients& dnorm);
  // table[index[t]] += x[t] in the order of t.
  void scatter(TensorView table, ConstTensorView x, const std::int32_t* index);

  struct AttentionCall;
  static void check_attention(const AttentionCall& call);
  template <typename Element>
  static AttentionHead<Element> head_of(const AttentionCall& call, std::int64_t sequence,
                                        std::int64_t head);
  void run_heads(const AttentionCall& call);
  template <typename Element>
  void run_heads_of(const AttentionCall& call, void (*kernel)(const AttentionHead<Element>& head));

  CpuKernels kernels_;
  MatrixLibrary& matrices_;
  Workspace workspace_;
  int threads_;
  bool keeps_weights_ = false;
};

}  // namespace bertyard
