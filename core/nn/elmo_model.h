// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/encoder.h"
#include "core/nn/lstm.h"
#include "core/nn/mlm_head.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// ELMo's bidirectional language model (Peters et al. 2018) over word pieces: two stacks of LSTMs
// with projections, one reading each way, that share the embedding and the softmax, whose matrix is
// the embedding's (ELMo: characters below, a matrix of its own above). hidden is the outputs of a
// direction, intermediate the cells. Owns parameter ids and places, no memory.
class ElmoModel {
 public:
  static constexpr double kClip = 3;  // of cells and projections

  ElmoModel(const ModelConfig& config, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Runs both stacks.
  void forward(const Pass& pass, const Arena& arena) const;
  // Output of a layer after forward(): 0 is the embedding, the same both ways.   [T, hidden]
  TensorView output(const Arena& arena, std::int64_t layer, Direction direction,
                    std::int64_t tokens) const;

  // Predictions of one direction: rows[i] of the last layer should say labels[i].
  struct Predictions {
    Direction direction = Direction::forward;
    ConstTensorView rows, labels;  // i32 [M]
    ConstTensorView scale;         // f32 [1], of the gradient
  };
  // Losses of `predictions`, after forward(). In training the logits become their gradient, which
  // goes at once to bias and embedding and to where backward() finds it.
  void predict(const Pass& pass, const Arena& arena, Device& device, const RowResults& results,
               const Predictions& predictions) const;
  // After predict() of both directions.
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const;

 private:
  using Stack = std::vector<Lstm>;
  const Stack& stack(Direction direction) const {
    return direction == Direction::forward ? forward_ : backward_;
  }
  TensorView gradient(const Arena& arena, Direction direction, std::int64_t tokens) const;

  ModelConfig config_;
  ParameterId bias_;
  Stack forward_, backward_;                 // lowest layer first
  std::vector<std::int64_t> gradients_end_;  // of each layer, both directions
  ParameterId words_;
  ArenaSlot embedded_, gathered_, logits_, dinput_;
  std::array<std::vector<ArenaSlot>, 2> outputs_;
  std::array<ArenaSlot, 2> doutputs_;
};

}  // namespace bertyard
