// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/device.h"
#include "core/base/spans.h"
#include "core/nn/encoder.h"
#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "core/nn/pass.h"
#include "core/nn/workspace.h"
#include "core/tensor/arena.h"

namespace bertyard {

// Over the whole global batch: what normalises the loss (design, 4.1).
struct StepCounts {
  std::int64_t masked = 0;
  std::int64_t samples = 0;
  std::int64_t tokens = 0;
};

// What is optimised: a model with its loss. The trainer knows no more of a model than this.
class Objective {
 public:
  virtual ~Objective() = default;

  virtual ParameterStore& parameters() = 0;
  virtual const ParameterStore& parameters() const = 0;
  virtual const ModelConfig& config() const = 0;  // of the encoder
  // Memory for activations and sums; bind() takes it and must precede everything below.
  virtual void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) = 0;
  virtual void bind(const Arena& arena, Device& device) = 0;

  // Who hears of the layers' work from now on; null: nobody. An objective may have nothing to say.
  virtual void report_spans(SpanListener* /*listener*/) {}

  // Raises what is reserved for the operations where it runs more than config()'s model.
  virtual void extend(WorkspaceLimits& /*limits*/) const {}

  // What its LSTMs need; no cells where it has none.
  virtual RecurrentLimits recurrent_limits(const Capacities& capacities) const {
    return bertyard::recurrent_limits(config(), capacities);
  }

  // Clears the sums and sets what gradients are divided by.
  virtual void begin(const StepCounts& counts) = 0;
  // Forward and backward: gradients are added to parameters().gradients(), losses to the sums.
  virtual void train(const PackedInput& input, const GradientsReady& ready) = 0;
  // Forward alone: losses are added to the sums.
  virtual void evaluate(const PackedInput& input) = 0;
  // Sums since begin(), f64, on the device: what ranks add up. Their meaning is the objective's.
  virtual TensorView sums() const = 0;
};

}  // namespace bertyard
