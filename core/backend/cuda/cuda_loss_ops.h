// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "core/backend/loss_ops.h"

namespace bertyard {

// LossOps on a GPU: rows are few and short, so a thread takes a row, or a warp the ends of an
// answer. Labels are not looked at on the host. Conditional random fields are refused: their
// forward and backward scores of a sequence need memory that nobody plans.
class CudaLossOps : public LossOps {
 public:
  explicit CudaLossOps(cudaStream_t stream) : stream_(stream) {}

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
  cudaStream_t stream_;
};

}  // namespace bertyard
