// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/update_ops.h"

namespace bertyard {

// UpdateOps on the host: segments are cut into pieces of fixed size that OpenMP threads share.
class CpuUpdateOps : public UpdateOps {
 public:
  CpuUpdateOps(const CpuKernels& kernels, int threads) : kernels_(kernels), threads_(threads) {}

  std::unique_ptr<UpdatePlan> make_plan(UpdateTables tables) override;
  void sums_of_squares(TensorView sums, ConstTensorView x, const UpdatePlan& plan) override;
  void finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) override;

  void adamw(const UpdateTensors& tensors, const UpdatePlan& plan, const MomentConstants& constants,
             ConstTensorView scalars) override;
  void adam(const UpdateTensors& tensors, const UpdatePlan& plan, const MomentConstants& constants,
            ConstTensorView scalars) override;
  void sgd(const UpdateTensors& tensors, const UpdatePlan& plan, double momentum,
           ConstTensorView scalars) override;
  void lamb_update(const UpdateTensors& tensors, const UpdatePlan& plan,
                   const MomentConstants& constants, ConstTensorView scalars) override;
  void lamb_apply(TensorView parameters, ConstTensorView update, const UpdatePlan& plan,
                  ConstTensorView parameter_squares, ConstTensorView update_squares,
                  ConstTensorView scalars) override;
  void add_chunks(TensorView out, ConstTensorView sums, const UpdatePlan& plan) override;

  void scale_losses(TensorView scales, ConstTensorView factors, ConstTensorView scalars) override;
  void adapt_loss_scale(TensorView scalars, const LossScaling& scaling) override;

  void cast(TensorView to, ConstTensorView from, Stream& stream) override;
  void check_finite(TensorView finite, ConstTensorView x) override;
  void add(TensorView sum, ConstTensorView addend, Stream& stream) override;
  std::uint64_t hash(ConstTensorView x) override;

 private:
  using Kernel = void (*)(const UpdateRow& row, std::int64_t n);
  // `kernel` over every segment; `row` carries the constants and the starts of the buffers.
  void update(const UpdateRow& row, const UpdatePlan& plan, Kernel kernel);

  CpuKernels kernels_;
  int threads_;
};

}  // namespace bertyard
