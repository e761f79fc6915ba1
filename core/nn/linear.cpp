// SPDX-License-Identifier: Apache-2.0
#include "core/nn/linear.h"

namespace bertyard {

Linear::Linear(ParameterStore& parameters, const std::string& prefix, std::int64_t in,
               std::int64_t out, WeightDecay decay) {
  weight_ = {parameters.add(prefix + ".weight", {out, in}, decay), {out, in}};
  bias_ = {parameters.add(prefix + ".bias", {out}, WeightDecay::no), {out}};
}

void Linear::forward(const Pass& pass, TensorView y, TensorView pre, ConstTensorView x,
                     Activation activation) const {
  pass.ops.linear(y, pre,
                  {.x = x,
                   .w = pass.parameters.value(weight_),
                   .bias = pass.parameters.value(bias_),
                   .activation = activation});
}

void Linear::backward_parameters(const Pass& pass, ConstTensorView dy, ConstTensorView x) const {
  pass.ops.linear_backward_weight(pass.parameters.gradient(weight_),
                                  pass.parameters.gradient(bias_), dy, x);
}

void Linear::backward_input(const Pass& pass, TensorView dx, ConstTensorView dy,
                            Accumulate accumulate) const {
  pass.ops.linear_backward_input(dx, dy, pass.parameters.value(weight_), accumulate);
}

void Linear::backward_input(const Pass& pass, TensorView dx, ConstTensorView dy,
                            Activation activation, ConstTensorView pre) const {
  pass.ops.linear_backward_input(dx, dy, pass.parameters.value(weight_), activation, pre);
}

}  // namespace bertyard
