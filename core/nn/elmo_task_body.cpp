// SPDX-License-Identifier: Apache-2.0
#include "core/nn/elmo_task_body.h"

namespace bertyard {
namespace {

LstmConfig reader_config(const ModelConfig& config, Direction direction) {
  return {.inputs = 2 * config.hidden,
          .cells = config.hidden,
          .outputs = config.hidden,
          .direction = direction};
}

}  // namespace

ElmoTaskBody::ElmoTaskBody(const ModelConfig& config, ParameterStore& parameters)
    : config_(config),
      readers_{
          Reader{Lstm(parameters, "elmo_task.forward", reader_config(config, Direction::forward)),
                 {},
                 {},
                 {}},
          Reader{Lstm(parameters, "elmo_task.backward", reader_config(config, Direction::backward)),
                 {},
                 {},
                 {}}},
      weights_(parameters.add("elmo_task.mix.weights", {config.layers + 1}, WeightDecay::no)),
      gamma_(parameters.add("elmo_task.mix.gamma", {1}, WeightDecay::no)),
      trained_end_(parameters.flat_elements()),
      features_(config, parameters, ElmoUse::features) {}

void ElmoTaskBody::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape one{capacities.tokens, config_.hidden}, both{capacities.tokens, width(config_)};
  const bool training = mode == Mode::training;
  const LstmConfig reader = reader_config(config_, Direction::forward);
  features_.plan(plan, capacities, mode);
  mixed_ = plan.add(DType::f32, both);
  joined_ = plan.add(DType::f32, both);
  LstmSlots shared;
  if (!training) shared = LstmSlots::plan(plan, reader, capacities.tokens);
  for (Reader& direction : readers_) {
    direction.saved = training ? LstmSlots::plan(plan, reader, capacities.tokens) : shared;
    direction.state = plan.add(DType::f32, one);
    if (training) direction.dstate = plan.add(DType::f32, one);
  }
  if (!training) return;
  dmixed_ = plan.add(DType::f32, both);
  djoined_ = plan.add(DType::f32, both);
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
  const TensorView mixed = rows(arena, mixed_, tokens), joined = rows(arena, joined_, tokens);
  pass.recurrent->scalar_mix(mixed, layers(arena, tokens), pass.parameters.value(weights_),
                             pass.parameters.value(gamma_));
  pass.losses->dropout(mixed, mixed, {}, dropout(pass));
  for (const Reader& reader : readers_) {
    reader.lstm.forward(pass, reader.saved.views(arena, tokens), rows(arena, reader.state, tokens),
                        mixed);
  }
  pass.recurrent->join_columns(joined, rows(arena, readers_[0].state, tokens),
                               rows(arena, readers_[1].state, tokens));
  return joined;
}

TensorView ElmoTaskBody::output_gradient(const Arena& arena, std::int64_t tokens) const {
  return rows(arena, djoined_, tokens);
}

// dm = lstm_forward'(dy_forward) + lstm_backward'(dy_backward), then as scalar_mix_backward. The
// features' gradients stay 0.
void ElmoTaskBody::backward(const Pass& pass, const Arena& arena,
                            const GradientsReady& ready) const {
  const std::int64_t tokens = pass.input.tokens();
  const TensorView dmixed = rows(arena, dmixed_, tokens);
  pass.recurrent->split_columns(rows(arena, readers_[0].dstate, tokens),
                                rows(arena, readers_[1].dstate, tokens),
                                output_gradient(arena, tokens));
  for (const Reader& reader : readers_) {
    const bool is_first = &reader == &readers_.front();
    reader.lstm.backward(pass, reader.saved.views(arena, tokens),
                         {.dx = dmixed,
                          .dy = rows(arena, reader.dstate, tokens),
                          .y = rows(arena, reader.state, tokens),
                          .x = rows(arena, mixed_, tokens),
                          .accumulate = is_first ? Accumulate::no : Accumulate::yes});
  }
  pass.losses->dropout(dmixed, dmixed, {}, dropout(pass));
  pass.recurrent->scalar_mix_backward(
      pass.parameters.gradient(weights_), pass.parameters.gradient(gamma_), dmixed,
      layers(arena, tokens), pass.parameters.value(weights_), pass.parameters.value(gamma_));
  if (!ready) return;
  ready(trained_end_);
  ready(pass.parameters.flat_elements());
}

}  // namespace bertyard
