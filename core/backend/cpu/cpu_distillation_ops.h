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
  void cosine_gradient(TensorView loss, TensorView dx, const Rows& rows) override;
  void squared_gradient(TensorView loss, TensorView dx, const Rows& rows) override;
  void score_gradient(TensorView loss, TensorView scores, const Scores& targets) override;

 private:
  void logits_row(const Losses& losses, float* x, std::int64_t r, const Targets& targets) const;

  CpuKernels kernels_;
  int threads_;
};

}  // namespace bertyard
