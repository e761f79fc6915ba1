// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/device.h"
#include "core/backend/update_ops.h"
#include "core/nn/parameters.h"
#include "core/optim/optimizer_options.h"
#include "core/tensor/arena.h"

namespace bertyard {

std::string_view name_of(OptimizerKind kind);

// What an update came to.
struct UpdateOutcome {
  double gradient_norm = 0;  // before clipping
  bool applied = false;      // false: a gradient was not finite, and nothing was changed
};

// A named flat array of optimizer state, in the layout of the parameters: what a checkpoint holds.
struct MomentArray {
  std::string name;
  TensorView values;  // f32 [flat_elements]
};

// Turns the summed gradients of a step into new parameters: global norm and clipping, then AdamW,
// Adam, LAMB or SGD over the flat buffers. Owns the tables of segments and the places of its state,
// no memory.
class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, const ParameterStore& parameters);

  // Memory for the moments and the norms; bind() clears it.
  void plan(ArenaPlan& plan);
  void bind(const Arena& arena, Device& device);

  // Uses parameters.values() and parameters.gradients(); the gradients are overwritten by LAMB.
  // Waits for the device.
  UpdateOutcome step(double learning_rate, const ParameterStore& parameters);

  std::vector<MomentArray> arrays() const;
  // Updates that were applied: what bias correction counts.
  std::int64_t applied_steps() const;
  void set_applied_steps(std::int64_t steps);

 private:
  void update(const UpdateTensors& tensors);
  void lamb(const UpdateTensors& tensors);
  double read_scalar(StepScalar scalar) const;
  void write_scalar(StepScalar scalar, double value);

  OptimizerOptions options_;
  std::int64_t flat_elements_;
  UpdateTables tables_;
  std::unique_ptr<UpdatePlan> plan_;
  Device* device_ = nullptr;
  ArenaSlot first_moment_slot_, second_moment_slot_, scalars_slot_, sums_slot_, squares_slot_[2];
  TensorView first_moment_, second_moment_, scalars_, sums_, squares_[2];
};

}  // namespace bertyard
