// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/backend/layer_ops.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// Which end of a sequence an LSTM starts at.
enum class Direction { forward, backward };

// A long short-term memory (Hochreiter and Schmidhuber 1997) with the projection of Sak et al.
// (2014) and the clipping of ELMo; C cells, P outputs:
//   [i f g o] = pre_t + h_{t-1} R^T;   c_t = clip(sigmoid(i) tanh(g) + sigmoid(f) c_{t-1});
//   m_t = sigmoid(o) tanh(c_t);        h_t = clip(m_t W^T), or m_t without a projection
struct LstmCell {
  ConstTensorView recurrent;   // R [4C, P], blocks of rows i, f, g, o: as PyTorch has them
  ConstTensorView projection;  // W [P, C]; absent: P = C
  double cell_clip = 0;        // |c| at most this; 0: no clipping
  double projection_clip = 0;  // |h|
};
struct LstmGradients {
  TensorView recurrent, projection;  // as the cell's; added to
};
// What the backward needs, and the next step of the forward.
struct LstmSaved {
  TensorView gates;     // [T, 4C], i, f, g, o after sigmoid and tanh; may be `pre`
  TensorView cell;      // [T, C], c after clipping
  TensorView memory;    // [T, C], m; absent without a projection
  TensorView previous;  // [T, P], h_{t-1}, 0 where a sequence starts
};

// Largest sizes a run will ask for.
struct RecurrentLimits {
  std::int64_t tokens = 0, sequences = 0;
  std::int64_t cells = 0, outputs = 0;  // C and P
};

// Recurrences over packed sequences on one device; LayerOps' rules hold here. All is f32. A step
// computes all sequences that are long enough at once.
class RecurrentOps {
 public:
  virtual ~RecurrentOps() = default;

  // Bytes that reserve() will take, and taking them. Called once, before the first step.
  virtual std::size_t workspace_bytes(const RecurrentLimits& limits) const = 0;
  virtual void reserve(const RecurrentLimits& limits) = 0;

  // y [T, P] = h; pre [T, 4C] holds x Wx^T + bias. Of `packing` only the offsets are read.
  virtual void lstm(TensorView y, const LstmSaved& saved, ConstTensorView pre, const LstmCell& cell,
                    const PackedSequences& packing, Direction direction) = 0;
  // With dh = dy + what comes back from the next step, 0 where h was clipped:
  //   dm = dh W;  dW += dh^T m;  do = dm tanh(c);  dc = dm o (1 - tanh(c)^2) + dc_{t+1} f_{t+1},
  //   0 where c was clipped;  di = dc g;  df = dc c_{t-1};  dg = dc i;
  //   dpre = [di i (1 - i), df f (1 - f), dg (1 - g^2), do o (1 - o)];
  //   dR += dpre^T h_{t-1};  dh_{t-1} = dpre R
  struct LstmBackward {
    ConstTensorView dy, y;  // [T, P]
    LstmSaved saved;
    LstmCell cell;
    PackedSequences packing;
    Direction direction = Direction::forward;
  };
  // dpre [T, 4C] may be saved.gates.
  virtual void lstm_backward(TensorView dpre, const LstmGradients& gradients,
                             const LstmBackward& input) = 0;

  // y = a + b, a layer and what goes past it; y may be either.   all of one shape
  virtual void add(TensorView y, ConstTensorView a, ConstTensorView b) = 0;

  // y[t] = a[t] | b[t], what two directions say.   y [T, A + B]; a [T, A]; b [T, B]
  virtual void join_columns(TensorView y, ConstTensorView a, ConstTensorView b) = 0;
  // Its backward: a = the first columns of y, b = the others.
  virtual void split_columns(TensorView a, TensorView b, ConstTensorView y) = 0;

  // ELMo's mix of layers that stay as they are: y = gamma sum_j s_j x_j, s = softmax(w).
  // y, x_j [T, C]; w f32 [J]; gamma f32 [1]
  virtual void scalar_mix(TensorView y, std::span<const ConstTensorView> layers, ConstTensorView w,
                          ConstTensorView gamma) = 0;
  // With d_j = sum of dy x_j:  dgamma += sum_j s_j d_j;  dw_j += gamma s_j (d_j - sum_k s_k d_k).
  virtual void scalar_mix_backward(TensorView dw, TensorView dgamma, ConstTensorView dy,
                                   std::span<const ConstTensorView> layers, ConstTensorView w,
                                   ConstTensorView gamma) = 0;

  // y[n] = sum over the tokens of sequence n of a[t] x[t], a = softmax of their scores.
  // y [N, C]; a f32 [T]; x [T, C]; scores [T, 1]
  virtual void attention_pool(TensorView y, TensorView a, ConstTensorView x, ConstTensorView scores,
                              const PackedSequences& packing) = 0;
  // dx[t] += a[t] dy[n];  dscores[t] = a[t] (x[t] - y[n]) . dy[n]
  struct PoolBackward {
    ConstTensorView dy, y, a, x;
    PackedSequences packing;
  };
  virtual void attention_pool_backward(TensorView dx, TensorView dscores,
                                       const PoolBackward& input) = 0;
};

}  // namespace bertyard
