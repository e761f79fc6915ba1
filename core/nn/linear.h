// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/nn/pass.h"

namespace bertyard {

// y = act(x w^T + b); w [out, in], b [out]. Owns the ids of its two parameters and no memory.
class Linear {
 public:
  Linear() = default;
  // Registers "<prefix>.weight" and "<prefix>.bias".
  Linear(ParameterStore& parameters, const std::string& prefix, std::int64_t in, std::int64_t out,
         WeightDecay decay = WeightDecay::yes);
  Linear(FusedParameter weight, FusedParameter bias) : weight_(weight), bias_(bias) {}

  // `pre` keeps x w^T + b for the activation's backward; absent for the identity and in evaluation.
  void forward(const Pass& pass, TensorView y, TensorView pre, ConstTensorView x,
               Activation activation) const;
  void forward(const Pass& pass, TensorView y, ConstTensorView x) const {
    forward(pass, y, {}, x, Activation::identity);
  }

  // dw += dy^T x;  db += sum of rows of dy.
  void backward_parameters(const Pass& pass, ConstTensorView dy, ConstTensorView x) const;
  // dx = dy w, or dx += dy w.
  void backward_input(const Pass& pass, TensorView dx, ConstTensorView dy,
                      Accumulate accumulate) const;
  // dx = (dy w) * act'(pre), where x = act(pre) came from the layer below.
  void backward_input(const Pass& pass, TensorView dx, ConstTensorView dy, Activation activation,
                      ConstTensorView pre) const;

 private:
  FusedParameter weight_;
  FusedParameter bias_;
};

}  // namespace bertyard
