// SPDX-License-Identifier: Apache-2.0
#include "core/nn/encoder.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace bertyard {
namespace {

// The last layer first, as backward meets them; `ends` gets where each layer's gradients end.
std::vector<EncoderLayer> register_layers(const ModelConfig& config, ParameterStore& parameters,
                                          std::vector<std::int64_t>& ends) {
  std::vector<EncoderLayer> layers;
  for (std::int64_t index = config.layers - 1; index >= 0; --index) {
    layers.emplace_back(config, parameters, index);
    ends.push_back(parameters.flat_elements());
  }
  std::reverse(layers.begin(), layers.end());
  std::reverse(ends.begin(), ends.end());
  return layers;
}

}  // namespace

Encoder::Encoder(const ModelConfig& config, ParameterStore& parameters)
    : layers_(register_layers(config, parameters, gradients_end_)),
      embedding_(config, parameters),
      config_(config) {}

void Encoder::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  mode_ = mode;
  const bool training = mode == Mode::training;
  const bool keeps = training && capacities.recompute == Recompute::none;
  const std::size_t sets = keeps ? layers_.size() : 1;
  const std::size_t outputs = training ? layers_.size() + 1 : 2;
  const Shape hidden{capacities.tokens, config_.hidden};
  const DType type = capacities.activations;
  embedding_.plan(plan, capacities);
  saved_.clear();
  outputs_.clear();
  for (std::size_t i = 0; i < sets; ++i) {
    saved_.push_back(EncoderLayerSlots::plan(plan, config_, capacities));
  }
  for (std::size_t i = 0; i < outputs; ++i) outputs_.push_back(plan.add(type, hidden));
  if (training) {
    for (ArenaSlot& slot : dhidden_) slot = plan.add(type, hidden);
  }
  scratch_ = EncoderScratchSlots::plan(plan, config_, capacities);
}

EncoderLayer::Memory Encoder::memory(const Arena& arena, std::size_t layer,
                                     const EncoderTaps* taps) const {
  EncoderLayer::Memory memory{arena, saved_[layer % saved_.size()], scratch_};
  if (taps != nullptr && taps->scores) {
    memory.scores = taps->scores(static_cast<std::int64_t>(layer));
  }
  return memory;
}

TensorView Encoder::hidden_state(const Arena& arena, std::int64_t index,
                                 std::int64_t tokens) const {
  const std::size_t slot = static_cast<std::size_t>(index + 1) % outputs_.size();
  return arena.view(outputs_[slot]).slice(0, tokens);
}

TensorView Encoder::forward(const Pass& pass, const Arena& arena, const EncoderTaps* taps) const {
  const std::int64_t tokens = pass.input.tokens();
  const auto tap = [&](std::int64_t index) {
    if (taps == nullptr || !taps->output) return;
    taps->output(index, hidden_state(arena, index, tokens));
  };
  {
    const Span span(pass.spans, "embedding forward");
    embedding_.forward(pass, arena, hidden_state(arena, -1, tokens));
  }
  tap(-1);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const Span span(pass.spans, "layer forward", index);
    layers_[i].forward(pass, memory(arena, i, taps), hidden_state(arena, index, tokens),
                       hidden_state(arena, index - 1, tokens));
    tap(index);
  }
  return hidden_state(arena, static_cast<std::int64_t>(layers_.size()) - 1, tokens);
}

TensorView Encoder::output_gradient(const Arena& arena, std::int64_t tokens) const {
  return arena.view(dhidden_[layers_.size() % 2]).slice(0, tokens);
}

// The last layer's are still there, for its forward was the last to run.
void Encoder::restore(const Pass& pass, const EncoderLayer::Memory& memory,
                      std::size_t layer) const {
  if (saved_.size() == layers_.size()) return;
  BERTYARD_CHECK(!memory.scores.present(),
                 "encoder: layers that are computed again do not give their attention scores");
  if (layer + 1 == layers_.size()) return;
  const std::int64_t tokens = pass.input.tokens();
  const auto index = static_cast<std::int64_t>(layer);
  const Span span(pass.spans, "layer forward again", index);
  layers_[layer].forward(pass, memory, hidden_state(memory.arena, index, tokens),
                         hidden_state(memory.arena, index - 1, tokens));
}

void Encoder::backward(const Pass& pass, const Arena& arena, const GradientsReady& ready,
                       const EncoderTaps* taps) const {
  const std::int64_t tokens = pass.input.tokens();
  const auto gradient = [&](std::size_t output) {
    return arena.view(dhidden_[output % 2]).slice(0, tokens);
  };
  const auto tap = [&](std::size_t output) {
    if (taps == nullptr || !taps->add_gradient) return;
    taps->add_gradient(static_cast<std::int64_t>(output) - 1, gradient(output));
  };
  for (std::size_t i = layers_.size(); i-- > 0;) {
    tap(i + 1);
    const TensorView x = hidden_state(arena, static_cast<std::int64_t>(i) - 1, tokens);
    const EncoderLayer::Memory saved = memory(arena, i, taps);
    restore(pass, saved, i);
    {
      const Span span(pass.spans, "layer backward", static_cast<std::int64_t>(i));
      layers_[i].backward(pass, saved, gradient(i), gradient(i + 1), x);
    }
    if (ready) ready(gradients_end_[i]);
  }
  tap(0);
  {
    const Span span(pass.spans, "embedding backward");
    embedding_.backward(pass, arena, gradient(1), gradient(0));
  }
  if (ready) ready(pass.parameters.flat_elements());
}

}  // namespace bertyard
