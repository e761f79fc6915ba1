// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cpu/dropout_row.h"
#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/loss_ops.h"

namespace bertyard {

// LossOps on the host. Rows, or sequences, are shared out among OpenMP threads; every sum runs in
// an order that does not depend on their number. Rows here are short: no workspace is needed.
class CpuLossOps : public LossOps {
 public:
  CpuLossOps(const CpuKernels& kernels, int threads) : kernels_(kernels), threads_(threads) {}

  void dropout(TensorView y, ConstTensorView x, ConstTensorView tokens,
               const Dropout& dropout) override;
  void squared_error(TensorView loss, ConstTensorView prediction, ConstTensorView target) override;
  void squared_error_gradient(TensorView loss, TensorView prediction, ConstTensorView target,
                              ConstTensorView scale) override;
  void weighted_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                              ConstTensorView labels, ConstTensorView weights) override;
  void weighted_cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                       const WeightedTargets& targets) override;
  void span_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                          ConstTensorView labels, ConstTensorView offsets) override;
  void span_cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                   const SpanTargets& targets) override;
  void crf(TensorView loss, ConstTensorView emissions, const CrfScores& scores,
           const CrfRows& rows) override;
  void crf_gradient(TensorView loss, TensorView emissions, const CrfGradients& gradients,
                    const CrfScores& scores, const CrfRows& rows, ConstTensorView scale) override;

 private:
  // Rows as they lie: a step that pre-trains LSTMs allocates nothing.
  void drop_f32(TensorView y, const ConstTensorView& x, const ConstTensorView& tokens,
                const DropoutRows& decisions) const;

  CpuKernels kernels_;
  int threads_;
};

}  // namespace bertyard
