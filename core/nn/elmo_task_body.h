// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/nn/bilstm.h"
#include "core/nn/elmo_layers.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// What stands between the tokens and a downstream head where the model is an ELMo: its layers x_j,
// which stay as they are, their mix (Peters et al. 2018, equation 1), and one LSTM each way:
//   m = dropout(gamma sum_j softmax(w)_j x_j);  y = lstm_forward(m) | lstm_backward(m)
// The LSTMs have `hidden` cells and no projection. In the place of an Encoder, and with its calls;
// owns parameter ids and places, no memory. Needs Pass::recurrent and Pass::losses.
class ElmoTaskBody {
 public:
  // Channels of y.
  static std::int64_t width(const ModelConfig& config) { return 2 * config.hidden; }

  // Registers "elmo_task.forward" and "elmo_task.backward" (names of Lstm), "elmo_task.mix.weights"
  // [layers + 1] and "elmo_task.mix.gamma" [1], then ElmoLayers' as features.
  ElmoTaskBody(const ModelConfig& config, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  // Returns y [T, 2 hidden], in the arena.
  TensorView forward(const Pass& pass, const Arena& arena) const;
  // Where the head leaves the gradient of y, before backward().   [T, 2 hidden]
  TensorView output_gradient(const Arena& arena, std::int64_t tokens) const;
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const;

 private:
  std::vector<ConstTensorView> layers(const Arena& arena, std::int64_t tokens) const;
  Dropout dropout(const Pass& pass) const;
  TensorView rows(const Arena& arena, const ArenaSlot& slot, std::int64_t tokens) const {
    return arena.view(slot).slice(0, tokens);
  }

  ModelConfig config_;
  BiLstm reader_;
  ParameterId weights_, gamma_;
  std::int64_t trained_end_;  // flat offset where the trained parameters end
  ElmoLayers features_;
  ArenaSlot mixed_, dmixed_;
};

}  // namespace bertyard
