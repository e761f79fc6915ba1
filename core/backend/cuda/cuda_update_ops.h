// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "core/backend/update_math.h"
#include "core/backend/update_ops.h"
#include "core/tensor/buffer.h"

namespace bertyard {

// What a step's kernels read of an UpdatePlan, in device memory.
struct DeviceTables {
  const UpdateSegment* segments = nullptr;
  const NormChunk* chunks = nullptr;
  const std::int64_t* first_chunk = nullptr;
  std::int64_t segment_count = 0, chunk_count = 0;
};

// UpdateOps on a GPU: blocks take chunks of the plan one after another. Nothing is read on the
// host, so every call can stand in a graph.
class CudaUpdateOps : public UpdateOps {
 public:
  CudaUpdateOps(cudaStream_t stream, int multiprocessors)
      : stream_(stream), blocks_(8 * multiprocessors) {}

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
  // How an optimizer's constants come out of MomentConstants and the scalars.
  struct Rule {
    MomentConstants constants;
    BiasCorrection correction = BiasCorrection::no;
  };
  template <typename Update>
  void update(const char* name, const UpdateTensors& tensors, const UpdatePlan& plan,
              const Rule& rule, ConstTensorView scalars);
  unsigned blocks_for(std::int64_t pieces) const;

  cudaStream_t stream_;
  int blocks_;
};

}  // namespace bertyard
