// SPDX-License-Identifier: Apache-2.0
#include "core/nn/elmo_task_body.h"

namespace bertyard {

ElmoTaskBody::ElmoTaskBody(const ModelConfig& config, ParameterStore& parameters)
    : config_(config),
      reader_(parameters, "elmo_task", 2 * config.hidden, config.hidden),
      weights_(parameters.add("elmo_task.mix.weights", {config.layers + 1}, WeightDecay::no)),
      gamma_(parameters.add("elmo_task.mix.gamma", {1}, WeightDecay::no)),
      trained_end_(parameters.flat_elements()),
      features_(config, parameters, ElmoUse::features) {}

void ElmoTaskBody::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape both{capacities.tokens, width(config_)};
  features_.plan(plan, capacities, mode);
  mixed_ = plan.add(DType::f32, both);
  reader_.plan(plan, capacities.tokens, mode);
  if (mode == Mode::training) dmixed_ = plan.add(DType::f32, both);
}

std::vector<ConstTensorView> ElmoTaskBody::layers(const Arena& arena, std::int64_t tokens) const {
  std::vector<ConstTensorView> views;
  for (std::int64_t j = 0; j <= config_.layers; ++j) {
    views.push_back(features_.layer(arena, j, tokens));
  }
  return views;
}

// One layer above the last of the language model's.
Dropout ElmoTaskBody::dropout(const Pass& pass) const {
  return pass.dropout(config_.dropout, 2 * config_.layers, DropoutSite::lstm_input);
}

TensorView ElmoTaskBody::forward(const Pass& pass, const Arena& arena) const {
  const std::int64_t tokens = pass.input.tokens();
  features_.forward(pass, arena);
  const TensorView mixed = rows(arena, mixed_, tokens);
  pass.recurrent->scalar_mix(mixed, layers(arena, tokens), pass.parameters.value(weights_),
                             pass.parameters.value(gamma_));
  pass.losses->dropout(mixed, mixed, {}, dropout(pass));
  return reader_.forward(pass, arena, mixed);
}

TensorView ElmoTaskBody::output_gradient(const Arena& arena, std::int64_t tokens) const {
  return reader_.output_gradient(arena, tokens);
}

// dm = lstm_forward'(dy_forward) + lstm_backward'(dy_backward), then as scalar_mix_backward. The
// features' gradients stay 0.
void ElmoTaskBody::backward(const Pass& pass, const Arena& arena,
                            const GradientsReady& ready) const {
  const std::int64_t tokens = pass.input.tokens();
  const TensorView dmixed = rows(arena, dmixed_, tokens);
  reader_.backward(pass, arena, dmixed, rows(arena, mixed_, tokens));
  pass.losses->dropout(dmixed, dmixed, {}, dropout(pass));
  pass.recurrent->scalar_mix_backward(
      pass.parameters.gradient(weights_), pass.parameters.gradient(gamma_), dmixed,
      layers(arena, tokens), pass.parameters.value(weights_), pass.parameters.value(gamma_));
  if (!ready) return;
  ready(trained_end_);
  ready(pass.parameters.flat_elements());
}

}  // namespace bertyard
