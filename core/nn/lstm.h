// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/backend/recurrent_ops.h"
#include "core/nn/linear.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

struct LstmConfig {
  std::int64_t inputs = 0;
  std::int64_t cells = 0;
  std::int64_t outputs = 0;  // those of a projection, or the cells
  double cell_clip = 0;      // 0: no clipping
  double projection_clip = 0;
  Direction direction = Direction::forward;

  bool projected() const { return outputs != cells; }
};

// What an LSTM keeps for its backward; in evaluation several may share it.
struct LstmSlots {
  ArenaSlot gates, cell, memory, previous;
  // Of the largest of LSTMs like `config`.
  static LstmSlots plan(ArenaPlan& plan, const LstmConfig& config, std::int64_t tokens);
  LstmSaved views(const Arena& arena, std::int64_t tokens) const;
};

// One direction of an LSTM layer over packed sequences:  y = lstm(x Wx^T + b), the recurrence as
// RecurrentOps::lstm has it. Needs Pass::recurrent. Owns parameter ids and no memory.
class Lstm {
 public:
  // Registers "<prefix>.weight_hr" [P, C] where projected, ".weight_hh" [4C, P], ".weight_ih"
  // [4C, I] and ".bias" [4C]: PyTorch's names, shapes and order of gates, with one bias.
  Lstm(ParameterStore& parameters, const std::string& prefix, const LstmConfig& config,
       WeightDecay decay = WeightDecay::yes);

  // y [T, P]; x [T, I]
  void forward(const Pass& pass, const LstmSaved& saved, TensorView y, ConstTensorView x) const;
  // dWx += dpre^T x;  db += sum of the rows of dpre;  dx = dpre Wx, or dx += dpre Wx.
  // After a forward with the same x, y and `saved`. dx may be dy, and absent. dy is the gradient
  // of y and, where Accumulate::yes finds it in dx, that of x by another way.
  struct Gradients {
    TensorView dx;          // [T, I]
    ConstTensorView dy, y;  // [T, P]
    ConstTensorView x;      // [T, I]
    Accumulate accumulate = Accumulate::no;
  };
  void backward(const Pass& pass, const LstmSaved& saved, const Gradients& gradients) const;

 private:
  LstmCell cell(const Pass& pass) const;

  LstmConfig config_;
  ParameterId projection_, recurrent_;
  Linear input_;
};

}  // namespace bertyard
