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
  std::int64_t outputs = 0;  // fewer than cells: through a projection
  double cell_clip = 0;      // 0: no clipping
  double projection_clip = 0;
  Direction direction = Direction::forward;

  bool projected() const { return outputs != cells; }
};

// One direction of an LSTM layer over packed sequences:  h = lstm(x Wx^T + b).  Needs Pass::
// recurrent. Owns parameter ids and the places of its activations, no memory.
class Lstm {
 public:
  // Registers "<prefix>.weight_hr" (where projected), ".weight_hh", ".weight_ih" and ".bias", with
  // PyTorch's shapes and order of gates.
  Lstm(ParameterStore& parameters, const std::string& prefix, const LstmConfig& config);

  void plan(ArenaPlan& plan, const Capacities& capacities);
  void forward(const Pass& pass, const Arena& arena, TensorView y, ConstTensorView x) const;
  // After a forward with the same x and y. dx = ..., or dx += ...   dx, x [T, I]; dy, y [T, P]
  struct Gradients {
    TensorView dx;
    ConstTensorView dy, y, x;
    Accumulate accumulate = Accumulate::no;
  };
  void backward(const Pass& pass, const Arena& arena, const Gradients& gradients) const;

  const LstmConfig& config() const { return config_; }
  // The bias, i.e. where a forget gate's rows are cells to 2 cells.
  ParameterId bias() const { return bias_id_; }

 private:
  LstmCell cell(const Pass& pass) const;
  LstmSaved saved(const Arena& arena, std::int64_t tokens) const;

  LstmConfig config_;
  ParameterId projection_, recurrent_, bias_id_;
  Linear input_;
  ArenaSlot gates_, cells_, memory_, previous_;
};

// Fills every LSTM of a store by PyTorch's rule, uniform in +-1/sqrt(cells), with 1 in the biases
// of the forget gates (Jozefowicz et al. 2015); draws are keyed by seed and tensor name.
void initialize_lstms(ParameterStore& parameters, std::uint64_t seed);

}  // namespace bertyard
