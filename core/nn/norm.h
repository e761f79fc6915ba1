// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// What a LayerNorm keeps for its backward: normalised [R, H], an activation, and rstd f32 [R].
struct NormSlots {
  ArenaSlot normalised;
  ArenaSlot rstd;
  static NormSlots plan(ArenaPlan& plan, DType activations, const Shape& shape);
  // The first `rows` rows.
  NormSaved views(const Arena& arena, std::int64_t rows) const;
};

// y = LayerNorm(dropout(x) + residual) gamma + beta. Owns two parameter ids and no memory.
class Norm {
 public:
  Norm() = default;
  // Registers "<prefix>.weight" (gamma) and "<prefix>.bias" (beta), [hidden] each.
  Norm(ParameterStore& parameters, const std::string& prefix, std::int64_t hidden, double epsilon);

  NormParameters values(const Pass& pass) const;
  NormGradients gradients(const Pass& pass) const;

  void forward(const Pass& pass, TensorView y, const NormSaved& saved, ConstTensorView x,
               ConstTensorView residual, const Dropout& dropout) const {
    pass.ops.add_norm(y, saved, x, residual, values(pass), dropout);
  }
  // dresidual = LayerNorm'(dy);  dx = dropout'(dresidual)
  void backward(const Pass& pass, TensorView dx, TensorView dresidual, ConstTensorView dy,
                const NormSaved& saved, const Dropout& dropout) const {
    pass.ops.add_norm_backward(dx, dresidual, gradients(pass), dy, values(pass), saved, dropout);
  }

 private:
  ParameterId gamma_;
  ParameterId beta_;
  double epsilon_ = 1e-12;
};

}  // namespace bertyard
