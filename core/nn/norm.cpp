// SPDX-License-Identifier: Apache-2.0
#include "core/nn/norm.h"

namespace bertyard {

NormSlots NormSlots::plan(ArenaPlan& plan, DType activations, const Shape& shape) {
  NormSlots slots;
  slots.normalised = plan.add(activations, shape);
  slots.rstd = plan.add(DType::f32, {shape[0]});
  return slots;
}

NormSaved NormSlots::views(const Arena& arena, std::int64_t rows) const {
  return {arena.view(normalised).slice(0, rows), arena.view(rstd).slice(0, rows)};
}

Norm::Norm(ParameterStore& parameters, const std::string& prefix, std::int64_t hidden,
           double epsilon)
    : gamma_(parameters.add(prefix + ".weight", {hidden}, WeightDecay::no)),
      beta_(parameters.add(prefix + ".bias", {hidden}, WeightDecay::no)),
      epsilon_(epsilon) {}

NormParameters Norm::values(const Pass& pass) const {
  return {pass.parameters.value(gamma_), pass.parameters.value(beta_), epsilon_};
}

NormGradients Norm::gradients(const Pass& pass) const {
  return {pass.parameters.gradient(gamma_), pass.parameters.gradient(beta_)};
}

}  // namespace bertyard
