// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/nn/encoder.h"
#include "core/nn/lstm.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// What ELMo's layers are for.
enum class ElmoUse {
  language_model,  // they are trained: the last layer is wanted, and its gradient comes back
  features,        // they stay as they are: all layers are wanted, and nothing is kept for backward
};

// The layers of ELMo's bidirectional language model (Peters et al. 2018): word vectors and two
// stacks of LSTMs with projections above them, one reading each way, as allenai/bilm-tf has them:
//   x_0 = E[token];  x_i = lstm_i(d_i) + (i > 1 ? d_i : 0), d_i = dropout(x_{i-1})
// Cells and projections are clipped to +-3. Owns parameter ids and places, no memory. Needs
// Pass::recurrent, and Pass::losses for its dropout.
class ElmoLayers {
 public:
  static constexpr double kClip = 3;

  // Registers in backward order "elmo.forward.layer.<i>" and "elmo.backward.layer.<i>" (names of
  // Lstm), the last layer first, then "elmo.embedding.weight" [V, hidden]. Features have no weight
  // decay: with gradients of zero no optimizer changes them.
  ElmoLayers(const ModelConfig& config, ParameterStore& parameters, ElmoUse use);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode);
  void forward(const Pass& pass, const Arena& arena) const;
  // Both directions of layer `index` after forward(): 0 is the word vectors, twice. A language
  // model has its last layer alone, after its dropout.   [T, 2 hidden], forward | backward
  TensorView layer(const Arena& arena, std::int64_t index, std::int64_t tokens) const;
  // Where the gradient of a language model's last layer is left before backward().   [T, 2 hidden]
  TensorView output_gradient(const Arena& arena, std::int64_t tokens) const;
  void backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const;

  ParameterId words() const { return words_; }

 private:
  // One LSTM and where its results are.
  struct Level {
    Lstm lstm;
    LstmSlots saved;
    ArenaSlot state;   // [T, hidden], what the LSTM puts out
    ArenaSlot output;  // the same with what went past it; the first has none
  };
  using Stack = std::vector<Level>;  // lowest layer first

  Dropout dropout(const Pass& pass, std::int64_t layer, std::size_t direction,
                  DropoutSite site) const;
  bool drops(const Pass& pass) const { return pass.mode == Mode::training && config_.dropout > 0; }
  void drop_output(const Pass& pass, TensorView y) const;
  TensorView rows(const Arena& arena, const ArenaSlot& slot, std::int64_t tokens) const;
  TensorView output(const Arena& arena, std::size_t direction, std::int64_t layer,
                    std::int64_t tokens) const;
  ConstTensorView input(const Pass& pass, const Arena& arena, std::size_t direction,
                        std::int64_t layer) const;
  void backward_level(const Pass& pass, const Arena& arena, std::size_t direction,
                      std::int64_t layer) const;

  ModelConfig config_;
  ElmoUse use_;
  std::array<Stack, 2> stacks_;
  std::vector<std::int64_t> gradients_end_;  // of each layer, both directions
  ParameterId words_;
  ArenaSlot embedded_, dropped_;
  std::vector<ArenaSlot> layers_;  // of features all, of a language model the last
  ArenaSlot dlast_;
  std::array<ArenaSlot, 2> doutputs_;
};

}  // namespace bertyard
