// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/update_ops.h"

namespace bertyard {

// UpdateOps on the host: segments are cut into pieces of fixed size that OpenMP threads share.
class CpuUpdateOps : public UpdateOps {
 public:
  CpuUpdateOps(const CpuKernels& kernels, int threads) : kernels_(kernels), threads_(threads) {}

  void sums_of_squares(TensorView sums, ConstTensorView x,
                       std::span<const NormChunk> chunks) override;
  void finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) override;

  void adamw(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
             const MomentConstants& constants, ConstTensorView scalars) override;
  void adam(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
            const MomentConstants& constants, ConstTensorView scalars) override;
  void sgd(const UpdateTensors& tensors, std::span<const UpdateSegment> segments, double momentum,
           ConstTensorView scalars) override;
  void lamb_update(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
                   const MomentConstants& constants, ConstTensorView scalars) override;
  void lamb_apply(TensorView parameters, ConstTensorView update,
                  std::span<const UpdateSegment> segments, ConstTensorView parameter_squares,
                  ConstTensorView update_squares, ConstTensorView scalars) override;
  void add_chunks(TensorView out, ConstTensorView sums,
                  std::span<const std::int64_t> first) override;

  void cast(TensorView to, ConstTensorView from) override;
  void check_finite(TensorView finite, ConstTensorView x) override;
  void add(TensorView sum, ConstTensorView addend) override;
  std::uint64_t hash(ConstTensorView x) override;

 private:
  using Kernel = void (*)(const UpdateRow& row, std::int64_t n);
  // `kernel` over every segment; `row` carries the constants and the starts of the buffers.
  void update(const UpdateRow& row, std::span<const UpdateSegment> segments, Kernel kernel);

  CpuKernels kernels_;
  int threads_;
};

}  // namespace bertyard
