// SPDX-License-Identifier: Apache-2.0
#include "train/model_memory.h"

#include "core/nn/workspace.h"

namespace bertyard {
namespace {

// Of the matrices that linear layers multiply with: all but biases, norms, the small tables and
// what an LSTM's steps multiply with; an ELMo's frozen ones are told by name.
std::int64_t weight_elements(const ParameterStore& parameters) {
  std::int64_t elements = 0;
  for (const ParameterInfo& info : parameters.infos()) {
    const bool table = info.name.ends_with("position_embeddings.weight") ||
                       info.name.ends_with("token_type_embeddings.weight");
    const bool of_steps = info.name.ends_with(".weight_hh") || info.name.ends_with(".weight_hr");
    const bool is_weight = info.decay == WeightDecay::yes || info.name.ends_with(".weight_ih");
    if (is_weight && !table && !of_steps) elements += info.shape.elements();
  }
  return elements;
}

}  // namespace

ModelMemory::ModelMemory(Objective& objective, DeviceBatch& batch, Optimizer* optimizer,
                         const Capacities& capacities)
    : objective_(objective), batch_(batch), optimizer_(optimizer), capacities_(capacities) {
  const Shape flat{objective.parameters().flat_elements()};
  values_ = parameters_plan_.add(DType::f32, flat);
  if (optimizer_ != nullptr) {
    gradients_ = gradients_plan_.add(DType::f32, flat);
    optimizer_->plan(optimizer_plan_);
  }
  objective_.plan(activations_plan_, capacities_,
                  optimizer_ != nullptr ? Mode::training : Mode::evaluation);
  batch_.plan(activations_plan_, capacities_);
}

WorkspaceLimits ModelMemory::limits() const {
  WorkspaceLimits limits = workspace_limits(objective_.config(), capacities_);
  limits.weights = weight_elements(objective_.parameters());
  limits.parameters = objective_.parameters().flat_elements();
  objective_.extend(limits);
  return limits;
}

RecurrentLimits ModelMemory::recurrent_limits() const {
  return objective_.recurrent_limits(capacities_);
}

MemoryUse ModelMemory::use(Device& device) const {
  const RecurrentLimits recurrent = recurrent_limits();
  const std::size_t steps =
      recurrent.cells > 0 ? device.recurrent_ops().workspace_bytes(recurrent) : 0;
  return {parameters_plan_.bytes(),
          gradients_plan_.bytes(),
          optimizer_plan_.bytes(),
          activations_plan_.bytes(),
          device.workspace_bytes(limits()) + steps,
          0};
}

void ModelMemory::allocate(Device& device) {
  const auto arena = [&device](const ArenaPlan& plan) {
    return Arena(device.allocate(plan.bytes()));
  };
  parameters_arena_ = arena(parameters_plan_);
  activations_arena_ = arena(activations_plan_);
  TensorView gradients;
  if (optimizer_ != nullptr) {
    gradients_arena_ = arena(gradients_plan_);
    optimizer_arena_ = arena(optimizer_plan_);
    gradients = gradients_arena_.view(gradients_);
    device.set_zero(gradients, device.compute_stream());
    optimizer_->bind(optimizer_arena_, device);
  }
  const TensorView values = parameters_arena_.view(values_);
  device.set_zero(values, device.compute_stream());
  objective_.parameters().bind(values, gradients);
  objective_.bind(activations_arena_, device);
  batch_.bind(activations_arena_, device);
  device.layer_ops().reserve(limits());
  const RecurrentLimits recurrent = recurrent_limits();
  if (recurrent.cells > 0) device.recurrent_ops().reserve(recurrent);
  device.layer_ops().bind_parameters(values);
  device.synchronize();
}

}  // namespace bertyard
