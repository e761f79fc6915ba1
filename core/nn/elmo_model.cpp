// SPDX-License-Identifier: Apache-2.0
#include "core/nn/elmo_model.h"

#include <algorithm>
#include <string>

namespace bertyard {
namespace {

constexpr Direction kDirections[] = {Direction::forward, Direction::backward};

std::size_t place(Direction direction) {
  return direction == Direction::forward ? 0 : 1;
}

LstmConfig lstm_config(const ModelConfig& config, Direction direction) {
  return {.inputs = config.hidden,
          .cells = config.intermediate,
          .outputs = config.hidden,
          .cell_clip = ElmoModel::kClip,
          .projection_clip = ElmoModel::kClip,
          .direction = direction};
}

}  // namespace

ElmoModel::ElmoModel(const ModelConfig& config, ParameterStore& parameters) : config_(config) {
  bias_ = parameters.add("elmo.softmax.bias", {config.vocab_size}, WeightDecay::no);
  for (std::int64_t i = config.layers - 1; i >= 0; --i) {  // as backward meets them
    const std::string layer = ".layer." + std::to_string(i);
    forward_.emplace_back(parameters, "elmo.forward" + layer,
                          lstm_config(config, Direction::forward));
    backward_.emplace_back(parameters, "elmo.backward" + layer,
                           lstm_config(config, Direction::backward));
    gradients_end_.push_back(parameters.flat_elements());
  }
  std::ranges::reverse(forward_);
  std::ranges::reverse(backward_);
  std::ranges::reverse(gradients_end_);
  words_ =
      parameters.add("elmo.embedding.weight", {config.vocab_size, config.hidden}, WeightDecay::yes);
}

void ElmoModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape tokens{capacities.tokens, config_.hidden};
  embedded_ = plan.add(DType::f32, tokens);
  for (const Direction direction : kDirections) {
    auto& outputs = outputs_[place(direction)];
    outputs.clear();
    for (Lstm& lstm : direction == Direction::forward ? forward_ : backward_) {
      lstm.plan(plan, capacities);
      outputs.push_back(plan.add(DType::f32, tokens));
    }
    if (mode == Mode::training) doutputs_[place(direction)] = plan.add(DType::f32, tokens);
  }
  if (mode == Mode::training) dinput_ = plan.add(DType::f32, tokens);
  gathered_ = plan.add(DType::f32, {capacities.masked, config_.hidden});
  logits_ = plan.add(DType::f32, {capacities.masked, config_.vocab_size});
}

TensorView ElmoModel::output(const Arena& arena, std::int64_t layer, Direction direction,
                             std::int64_t tokens) const {
  if (layer == 0) return arena.view(embedded_).slice(0, tokens);
  const auto& outputs = outputs_[place(direction)];
  return arena.view(outputs[static_cast<std::size_t>(layer - 1)]).slice(0, tokens);
}

TensorView ElmoModel::gradient(const Arena& arena, Direction direction, std::int64_t tokens) const {
  return arena.view(doutputs_[place(direction)]).slice(0, tokens);
}

void ElmoModel::forward(const Pass& pass, const Arena& arena) const {
  const std::int64_t tokens = pass.input.tokens();
  pass.ops.gather_rows(arena.view(embedded_).slice(0, tokens), pass.parameters.value(words_),
                       pass.input.indices.token);
  for (const Direction direction : kDirections) {
    std::int64_t layer = 0;
    for (const Lstm& lstm : stack(direction)) {
      const ConstTensorView x = output(arena, layer, direction, tokens);
      lstm.forward(pass, arena, output(arena, ++layer, direction, tokens), x);
    }
  }
}

// logits = h[rows] E^T + b;  with dlogits in their place:  dE += dlogits^T h[rows];  db += the sum
// of its rows;  dh[rows] += dlogits E
void ElmoModel::predict(const Pass& pass, const Arena& arena, Device& device,
                        const RowResults& results, const Predictions& predictions) const {
  const std::int64_t rows = predictions.rows.rows();
  const bool training = pass.mode == Mode::training;
  const std::int64_t tokens = pass.input.tokens();
  if (training) {
    device.set_zero(gradient(arena, predictions.direction, tokens), device.compute_stream());
  }
  if (rows == 0) return;
  const TensorView gathered = arena.view(gathered_).slice(0, rows);
  const TensorView logits = arena.view(logits_).slice(0, rows);
  pass.ops.gather_rows(gathered, output(arena, config_.layers, predictions.direction, tokens),
                       predictions.rows);
  pass.ops.linear(
      logits, {},
      {.x = gathered, .w = pass.parameters.value(words_), .bias = pass.parameters.value(bias_)});
  if (!training) {
    return pass.ops.cross_entropy(results.loss, results.correct, logits, predictions.labels);
  }
  pass.ops.cross_entropy_gradient(results.loss, results.correct, logits, predictions.labels,
                                  predictions.scale);
  pass.ops.linear_backward_weight(pass.parameters.gradient(words_), pass.parameters.gradient(bias_),
                                  logits, gathered);
  const TensorView dgathered = gathered;
  pass.ops.linear_backward_input(dgathered, logits, pass.parameters.value(words_), Accumulate::no);
  pass.ops.scatter_add_rows(gradient(arena, predictions.direction, tokens), dgathered,
                            predictions.rows);
}

void ElmoModel::backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const {
  const std::int64_t tokens = pass.input.tokens();
  const TensorView dembedded = arena.view(dinput_).slice(0, tokens);
  for (std::int64_t i = config_.layers - 1; i >= 0; --i) {
    for (const Direction direction : kDirections) {
      const TensorView dy = gradient(arena, direction, tokens);
      const bool to_embedding = i == 0;
      // The embedding's gradient gathers both directions; a lower layer's replaces its upper's.
      const bool first = direction == Direction::forward;
      stack(direction)[static_cast<std::size_t>(i)].backward(
          pass, arena,
          {.dx = to_embedding ? dembedded : dy,
           .dy = dy,
           .y = output(arena, i + 1, direction, tokens),
           .x = output(arena, i, direction, tokens),
           .accumulate = to_embedding && !first ? Accumulate::yes : Accumulate::no});
    }
    if (ready) ready(gradients_end_[static_cast<std::size_t>(i)]);
  }
  pass.ops.scatter_add_rows(pass.parameters.gradient(words_), dembedded, pass.input.indices.token);
  if (ready) ready(pass.parameters.flat_elements());
}

}  // namespace bertyard
