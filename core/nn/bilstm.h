// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/nn/lstm.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Two LSTMs over packed sequences, one reading each way, C cells each and no projection:
//   y = lstm_forward(x) | lstm_backward(x)
// Owns parameter ids and places, no memory. Needs Pass::recurrent; all is f32.
class BiLstm {
 public:
  // Registers "<prefix>.forward" and "<prefix>.backward", names of Lstm.
  BiLstm(ParameterStore& parameters, const std::string& prefix, std::int64_t inputs,
         std::int64_t cells);

  std::int64_t width() const { return 2 * cells_; }  // of y

  void plan(ArenaPlan& plan, std::int64_t tokens, Mode mode);
  // Returns y [T, 2C], in the arena.   x [T, I]
  TensorView forward(const Pass& pass, const Arena& arena, ConstTensorView x) const;
  // Where the gradient of y is left before backward().   [T, 2C]
  TensorView output_gradient(const Arena& arena, std::int64_t tokens) const;
  // dx = lstm_forward'(dy_forward) + lstm_backward'(dy_backward).   dx, x [T, I]
  void backward(const Pass& pass, const Arena& arena, TensorView dx, ConstTensorView x) const;

 private:
  // One direction.
  struct Reader {
    Lstm lstm;
    LstmSlots saved;
    ArenaSlot state, dstate;  // [T, C]
  };

  TensorView rows(const Arena& arena, const ArenaSlot& slot, std::int64_t tokens) const {
    return arena.view(slot).slice(0, tokens);
  }

  std::int64_t inputs_, cells_;
  std::array<Reader, 2> readers_;
  ArenaSlot joined_, djoined_;
};

}  // namespace bertyard
