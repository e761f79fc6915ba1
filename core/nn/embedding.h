// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/nn/model_config.h"
#include "core/nn/norm.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// y = dropout(LayerNorm(word[token] + position[position] + segment[segment])).
class Embedding {
 public:
  // Registers in backward order: LayerNorm, segment, position, and the word table last, whose
  // gradient also comes from the tied decoder.
  Embedding(const ModelConfig& config, ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities);
  void forward(const Pass& pass, const Arena& arena, TensorView y) const;  // y [T, H]
  // `scratch` [T, H] receives the gradient of the sum.
  void backward(const Pass& pass, const Arena& arena, TensorView scratch, ConstTensorView dy) const;

  ParameterId word() const { return word_; }

 private:
  Dropout dropout(const Pass& pass) const;

  std::int64_t hidden_;
  double dropout_;
  Norm norm_;
  ParameterId segment_, position_, word_;
  NormSlots saved_;
};

}  // namespace bertyard
