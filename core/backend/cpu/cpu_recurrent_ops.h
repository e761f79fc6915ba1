// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/cpu/matrix_product.h"
#include "core/backend/recurrent_ops.h"
#include "core/tensor/buffer.h"

namespace bertyard {

// RecurrentOps on the host. The sequences of a step, the longest first, are shared out among OpenMP
// threads. Borrows the kernels and the matrix library, owns the states of one step.
class CpuRecurrentOps : public RecurrentOps {
 public:
  CpuRecurrentOps(const CpuKernels& kernels, MatrixLibrary& matrices, int threads)
      : kernels_(kernels), matrices_(matrices), threads_(threads) {}

  std::size_t workspace_bytes(const RecurrentLimits& limits) const override;
  void reserve(const RecurrentLimits& limits) override;
  void lstm(TensorView y, const LstmSaved& saved, ConstTensorView pre, const LstmCell& cell,
            const PackedSequences& packing, Direction direction) override;
  void lstm_backward(TensorView dpre, const LstmGradients& gradients,
                     const LstmBackward& input) override;

  void add(TensorView y, ConstTensorView a, ConstTensorView b) override;
  void join_columns(TensorView y, ConstTensorView a, ConstTensorView b) override;
  void split_columns(TensorView a, TensorView b, ConstTensorView y) override;
  void scalar_mix(TensorView y, std::span<const ConstTensorView> layers, ConstTensorView w,
                  ConstTensorView gamma) override;
  void scalar_mix_backward(TensorView dw, TensorView dgamma, ConstTensorView dy,
                           std::span<const ConstTensorView> layers, ConstTensorView w,
                           ConstTensorView gamma) override;
  void attention_pool(TensorView y, TensorView a, ConstTensorView x, ConstTensorView scores,
                      const PackedSequences& packing) override;
  void attention_pool_backward(TensorView dx, TensorView dscores,
                               const PoolBackward& input) override;

 private:
  struct Sizes {
    std::int64_t tokens, sequences, cells, outputs;
    bool projected;
  };
  // States of a step, a row for each sequence in the order of `order_`.
  struct StepRows {
    float* state;   // [N, P]: h, or dh
    float* cell;    // [N, C]: c, or dc
    float* memory;  // [N, C]: m, or dm; `state` without a projection
    float* gates;   // [N, 4C]
    float* dstate;  // [T, P]: dh behind the clipping, of all steps
  };

  Sizes check(const LstmSaved& saved, const ConstTensorView& y, const LstmCell& cell,
              const PackedSequences& packing) const;
  StepRows step_rows(const Sizes& sizes) const;
  void order_sequences(const ConstTensorView& offsets);
  // How many sequences have a step `step`, and the row of each one's token there.
  std::int64_t active(std::int64_t step) const;
  std::int64_t row_of(std::int64_t place, std::int64_t step, Direction direction) const;

  struct Forward;
  void forward_row(const Forward& f, std::int64_t place, std::int64_t row, bool first) const;
  void output_row(const Forward& f, std::int64_t place, std::int64_t row) const;
  struct Backward;
  void state_gradient_row(const Backward& b, std::int64_t place, std::int64_t row) const;
  void gate_gradient_row(const Backward& b, std::int64_t place, std::int64_t row,
                         std::int64_t previous) const;
  void multiply(float* y, const float* a, const ConstTensorView& w, Transpose transpose,
                std::int64_t rows) const;
  void add_outer(TensorView dw, const float* dy, const ConstTensorView& x) const;

  CpuKernels kernels_;
  MatrixLibrary& matrices_;
  int threads_;
  RecurrentLimits limits_;
  Buffer buffer_;
  std::vector<std::int32_t> order_;   // sequences, the longest first
  std::vector<std::int32_t> begins_;  // of order_'s, and their lengths
  std::vector<std::int32_t> lengths_;
};

}  // namespace bertyard
