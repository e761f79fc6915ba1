// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/nn/embedding.h"
#include "core/nn/encoder_layer.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Called during backward: every gradient before `elements` of the flat buffer is final for this
// micro-batch.
using GradientsReady = std::function<void(std::int64_t elements)>;

// What a loss on the inside of the encoder needs (distillation); each may be empty.
struct EncoderTaps {
  // Where a layer's attention scores go in forward and their gradient is found in backward, f32
  // [A sum of L^2]; absent: nothing is wanted of this layer.
  std::function<TensorView(std::int64_t layer)> scores;
  // Sees output `index` (-1: the embedding's) in forward, before the next layer overwrites it.
  std::function<void(std::int64_t index, ConstTensorView hidden)> output;
  // Adds to the gradient of hidden state `index` (-1: the embedding's output), which is complete
  // but for this.
  std::function<void(std::int64_t index, TensorView dhidden)> add_gradient;
};

// Embedding and the stack of layers: BERT without heads. Owns parameter ids and the places of its
// activations, no memory. Planned with Recompute::layers, all layers share one set of activations,
// and backward runs a layer's forward again before its own; taps may then not ask for scores, whose
// gradient would stand where that forward leaves them.
class Encoder {
 public:
  Encoder(const ModelConfig& config, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Returns the last layer's output [T, H], in the arena.
  TensorView forward(const Pass& pass, const Arena& arena, const EncoderTaps* taps = nullptr) const;
  // Where the heads leave the gradient of that output [T, H], before backward().
  TensorView output_gradient(const Arena& arena, std::int64_t tokens) const;
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready,
                const EncoderTaps* taps = nullptr) const;

  // Output of layer `index` after a forward in training mode, -1 for the embedding.   [T, H]
  TensorView hidden_state(const Arena& arena, std::int64_t index, std::int64_t tokens) const;
  ParameterId word_embedding() const { return embedding_.word(); }

 private:
  EncoderLayer::Memory memory(const Arena& arena, std::size_t layer, const EncoderTaps* taps) const;
  // Puts the layer's activations back where its backward looks for them.
  void restore(const Pass& pass, const EncoderLayer::Memory& memory, std::size_t layer) const;

  std::vector<std::int64_t> gradients_end_;  // flat offset where each layer's gradients end
  std::vector<EncoderLayer> layers_;         // in the order of forward; fills the ends above
  Embedding embedding_;
  ModelConfig config_;
  Mode mode_ = Mode::training;
  std::vector<EncoderLayerSlots> saved_;  // one a layer, or one for all: evaluation, recomputation
  std::vector<ArenaSlot> outputs_;        // embedding, then layers; two in turn in evaluation
  ArenaSlot dhidden_[2];                  // gradients of two neighbouring outputs
  EncoderScratchSlots scratch_;
};

}  // namespace bertyard
