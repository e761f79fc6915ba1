// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/distillation_ops.h"

namespace bertyard {

// DistillationOps on the host: rows are shared out among OpenMP threads, and no sum depends on
// their number.
class CpuDistillationOps : public DistillationOps {
 public:
  CpuDistillationOps(const CpuKernels& kernels, int threads)
      : kernels_(kernels), threads_(threads) {}

  void logits_gradient(const Losses& losses, TensorView logits, const Targets& targets) override;
  void span_gradient(const Losses& losses, TensorView logits, ConstTensorView offsets,
                     const Targets& targets) override;
  void value_gradient(TensorView hard, TensorView soft, TensorView x,
                      const Values& targets) override;
  void cosine_gradient(TensorView loss, TensorView dx, const Rows& rows) override;
  void squared_gradient(TensorView loss, TensorView dx, const Rows& rows) override;
  void score_gradient(TensorView loss, TensorView scores, const Scores& targets) override;

 private:
  // One softmax over `classes` logits x, which become their gradient.
  struct Row {
    float* x = nullptr;
    const float* teacher = nullptr;
    std::int64_t classes = 0;
    std::int32_t label = 0;
    double hard_scale = 0, soft_scale = 0, temperature = 1;
  };
  struct RowLosses {
    double hard = 0, soft = 0;
    bool correct = false;
  };
  RowLosses row_gradient(const Row& row) const;

  CpuKernels kernels_;
  int threads_;
};

}  // namespace bertyard
