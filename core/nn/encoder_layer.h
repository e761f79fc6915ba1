// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/nn/linear.h"
#include "core/nn/model_config.h"
#include "core/nn/norm.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Activations of one encoder layer, at capacity. In training every layer has its own; in
// evaluation, and where layers are computed again, all share one set.
struct EncoderLayerSlots {
  ArenaSlot qkv;      // [T, 3H]
  ArenaSlot log_sum;  // [T, A]
  ArenaSlot context;  // [T, H]
  NormSlots attention_norm;
  ArenaSlot attended;  // [T, H], after the first LayerNorm
  ArenaSlot pre;       // [T, F], before the activation
  ArenaSlot inner;     // [T, F], after it
  NormSlots output_norm;
  static EncoderLayerSlots plan(ArenaPlan& plan, const ModelConfig& config,
                                const Capacities& capacities);
};

// Scratch that one layer's forward or backward uses and leaves.
struct EncoderScratchSlots {
  ArenaSlot branch;    // [T, H]: what a LayerNorm adds to its residual, and its gradient
  ArenaSlot residual;  // [T, H]: gradient that runs past a branch
  ArenaSlot wide;      // [T, max(F, 3H)]
  static EncoderScratchSlots plan(ArenaPlan& plan, const ModelConfig& config,
                                  const Capacities& capacities);
};

// A post-LayerNorm transformer block (Vaswani et al. 2017, as in BERT):
//   a = LayerNorm(dropout(attention(x)) + x);  y = LayerNorm(dropout(W2 gelu(W1 a)) + a)
class EncoderLayer {
 public:
  // Registers its parameters in the order in which backward finishes them.
  EncoderLayer(const ModelConfig& config, ParameterStore& parameters, std::int64_t index);

  struct Memory {
    const Arena& arena;
    const EncoderLayerSlots& saved;
    const EncoderScratchSlots& scratch;
    // f32 [A sum of L^2], optional: forward leaves the attention scores before masking there,
    // backward finds their gradient.
    TensorView scores = {};
  };
  // x, y [T, H]; y may not be x.
  void forward(const Pass& pass, const Memory& memory, TensorView y, ConstTensorView x) const;
  // dx, dy, x [T, H]; dx may not be dy.
  void backward(const Pass& pass, const Memory& memory, TensorView dx, ConstTensorView dy,
                ConstTensorView x) const;

 private:
  struct Views;
  Views views(const Memory& memory, std::int64_t tokens) const;
  PackedSequences packing(const Pass& pass) const;  // with the model's direction
  void attention_forward(const Pass& pass, const Views& v, TensorView scores) const;
  void attention_backward(const Pass& pass, const Views& v, TensorView dx, ConstTensorView x,
                          ConstTensorView dscores) const;

  ModelConfig config_;
  std::int64_t index_;
  Norm output_norm_;
  Linear output_;
  Linear intermediate_;
  Norm attention_norm_;
  Linear attention_output_;
  Linear qkv_;
};

}  // namespace bertyard
