// SPDX-License-Identifier: Apache-2.0
#include "core/nn/elmo_layers.h"

#include <algorithm>
#include <string>

namespace bertyard {
namespace {

constexpr std::size_t kDirections = 2;  // forward, backward
constexpr const char* kNames[kDirections] = {"elmo.forward.layer.", "elmo.backward.layer."};

LstmConfig lstm_config(const ModelConfig& config, std::size_t direction) {
  return {.inputs = config.hidden,
          .cells = config.intermediate,
          .outputs = config.hidden,
          .cell_clip = ElmoLayers::kClip,
          .projection_clip = config.intermediate == config.hidden ? 0 : ElmoLayers::kClip,
          .direction = direction == 0 ? Direction::forward : Direction::backward};
}

}  // namespace

ElmoLayers::ElmoLayers(const ModelConfig& config, ParameterStore& parameters, ElmoUse use)
    : config_(config), use_(use) {
  const WeightDecay decay = use == ElmoUse::features ? WeightDecay::no : WeightDecay::yes;
  for (std::int64_t i = config.layers - 1; i >= 0; --i) {  // as backward meets them
    for (std::size_t d = 0; d < kDirections; ++d) {
      stacks_[d].push_back(
          {Lstm(parameters, kNames[d] + std::to_string(i), lstm_config(config, d), decay),
           {},
           {},
           {}});
    }
    gradients_end_.push_back(parameters.flat_elements());
  }
  for (Stack& stack : stacks_) std::ranges::reverse(stack);
  std::ranges::reverse(gradients_end_);
  words_ = parameters.add("elmo.embedding.weight", {config.vocab_size, config.hidden}, decay);
}

void ElmoLayers::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const bool trained = use_ == ElmoUse::language_model && mode == Mode::training;
  const std::int64_t tokens = capacities.tokens;
  const Shape one{tokens, config_.hidden}, both{tokens, 2 * config_.hidden};
  embedded_ = plan.add(DType::f32, one);
  LstmSlots shared;
  if (!trained) shared = LstmSlots::plan(plan, lstm_config(config_, 0), tokens);
  for (std::size_t d = 0; d < kDirections; ++d) {
    for (Level& level : stacks_[d]) {
      level.saved = trained ? LstmSlots::plan(plan, lstm_config(config_, d), tokens) : shared;
      level.state = plan.add(DType::f32, one);
      level.output = &level == &stacks_[d].front() ? level.state : plan.add(DType::f32, one);
    }
    if (trained) doutputs_[d] = plan.add(DType::f32, one);
  }
  if (trained) {
    dropped_ = plan.add(DType::f32, one);
    dlast_ = plan.add(DType::f32, both);
  }
  layers_.clear();
  for (std::int64_t i = use_ == ElmoUse::features ? 0 : config_.layers; i <= config_.layers; ++i) {
    layers_.push_back(plan.add(DType::f32, both));
  }
}

Dropout ElmoLayers::dropout(const Pass& pass, std::int64_t layer, std::size_t direction,
                            DropoutSite site) const {
  return pass.dropout(config_.dropout, 2 * layer + static_cast<std::int64_t>(direction), site);
}

TensorView ElmoLayers::rows(const Arena& arena, const ArenaSlot& slot, std::int64_t tokens) const {
  return arena.view(slot).slice(0, tokens);
}

TensorView ElmoLayers::output(const Arena& arena, std::size_t direction, std::int64_t layer,
                              std::int64_t tokens) const {
  if (layer < 0) return rows(arena, embedded_, tokens);
  return rows(arena, stacks_[direction][static_cast<std::size_t>(layer)].output, tokens);
}

TensorView ElmoLayers::layer(const Arena& arena, std::int64_t index, std::int64_t tokens) const {
  const std::int64_t first = use_ == ElmoUse::features ? 0 : config_.layers;
  return rows(arena, layers_[static_cast<std::size_t>(index - first)], tokens);
}

TensorView ElmoLayers::output_gradient(const Arena& arena, std::int64_t tokens) const {
  return rows(arena, dlast_, tokens);
}

// d_i, made anew where it is asked for: its decisions are a function of the place in the data.
ConstTensorView ElmoLayers::input(const Pass& pass, const Arena& arena, std::size_t direction,
                                  std::int64_t layer) const {
  const TensorView below = output(arena, direction, layer - 1, pass.input.tokens());
  if (use_ == ElmoUse::features || !drops(pass)) return below;
  const TensorView dropped = rows(arena, dropped_, pass.input.tokens());
  pass.losses->dropout(dropped, below, {},
                       dropout(pass, layer, direction, DropoutSite::lstm_input));
  return dropped;
}

void ElmoLayers::forward(const Pass& pass, const Arena& arena) const {
  const std::int64_t tokens = pass.input.tokens();
  pass.ops.gather_rows(rows(arena, embedded_, tokens), pass.parameters.value(words_),
                       pass.input.indices.token);
  for (std::size_t d = 0; d < kDirections; ++d) {
    for (std::int64_t i = 0; i < config_.layers; ++i) {
      const Level& level = stacks_[d][static_cast<std::size_t>(i)];
      const ConstTensorView x = input(pass, arena, d, i);
      const TensorView state = rows(arena, level.state, tokens);
      level.lstm.forward(pass, level.saved.views(arena, tokens), state, x);
      if (i > 0) pass.recurrent->add(output(arena, d, i, tokens), state, x);
    }
  }
  const auto join = [&](std::int64_t index) {
    pass.recurrent->join_columns(layer(arena, index, tokens), output(arena, 0, index - 1, tokens),
                                 output(arena, 1, index - 1, tokens));
  };
  if (use_ == ElmoUse::features) {
    for (std::int64_t index = 0; index <= config_.layers; ++index) join(index);
    return;
  }
  join(config_.layers);
  drop_output(pass, layer(arena, config_.layers, tokens));
}

// Of the last layer or, as its own backward, of its gradient.
void ElmoLayers::drop_output(const Pass& pass, TensorView y) const {
  if (drops(pass)) {
    pass.losses->dropout(y, y, {}, dropout(pass, config_.layers, 0, DropoutSite::lstm_output));
  }
}

// With dx_i in doutputs_:  dd_i = lstm_i'(dx_i) + (i > 1 ? dx_i : 0);  dx_{i-1} = dropout'(dd_i)
void ElmoLayers::backward_level(const Pass& pass, const Arena& arena, std::size_t direction,
                                std::int64_t layer) const {
  const std::int64_t tokens = pass.input.tokens();
  const Level& level = stacks_[direction][static_cast<std::size_t>(layer)];
  const TensorView dy = rows(arena, doutputs_[direction], tokens);
  level.lstm.backward(pass, level.saved.views(arena, tokens),
                      {.dx = dy,
                       .dy = dy,
                       .y = rows(arena, level.state, tokens),
                       .x = input(pass, arena, direction, layer),
                       .accumulate = layer > 0 ? Accumulate::yes : Accumulate::no});
  if (!drops(pass)) return;
  pass.losses->dropout(dy, dy, {}, dropout(pass, layer, direction, DropoutSite::lstm_input));
}

void ElmoLayers::backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const {
  const std::int64_t tokens = pass.input.tokens();
  const TensorView dlast = output_gradient(arena, tokens);
  drop_output(pass, dlast);
  pass.recurrent->split_columns(rows(arena, doutputs_[0], tokens),
                                rows(arena, doutputs_[1], tokens), dlast);
  for (std::int64_t i = config_.layers - 1; i >= 0; --i) {
    for (std::size_t d = 0; d < kDirections; ++d) backward_level(pass, arena, d, i);
    if (ready) ready(gradients_end_[static_cast<std::size_t>(i)]);
  }
  for (std::size_t d = 0; d < kDirections; ++d) {
    pass.ops.scatter_add_rows(pass.parameters.gradient(words_), rows(arena, doutputs_[d], tokens),
                              pass.input.indices.token);
  }
  if (ready) ready(pass.parameters.flat_elements());
}

}  // namespace bertyard
