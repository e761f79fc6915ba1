// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/backend/recurrent_ops.h"
#include "core/optim/optimizer.h"
#include "core/tensor/arena.h"
#include "train/device_batch.h"
#include "train/objective.h"

namespace bertyard {

// Bytes of one rank, by what they are for.
struct MemoryUse {
  std::size_t parameters = 0;
  std::size_t gradients = 0;
  std::size_t optimizer = 0;
  std::size_t activations = 0;  // with the micro-batch itself
  std::size_t workspace = 0;
  std::size_t reduction = 0;  // sums of leaves that wait, in ordered reduction
  std::size_t total() const {
    return parameters + gradients + optimizer + activations + workspace + reduction;
  }
};

// All memory a model needs on a device: planned first, so that a run knows its size before it
// starts, then one allocation for each purpose. Owns the arenas; borrows what it binds.
class ModelMemory {
 public:
  // For training with `optimizer`; for evaluation without (nullptr).
  ModelMemory(Objective& objective, DeviceBatch& batch, Optimizer* optimizer,
              const Capacities& capacities);

  MemoryUse use(Device& device) const;
  // Allocates, clears and binds everything.
  void allocate(Device& device);

 private:
  WorkspaceLimits limits() const;
  RecurrentLimits recurrent_limits() const;

  Objective& objective_;
  DeviceBatch& batch_;
  Optimizer* optimizer_;
  Capacities capacities_;
  ArenaPlan parameters_plan_, gradients_plan_, optimizer_plan_, activations_plan_;
  ArenaSlot values_, gradients_;
  Arena parameters_arena_, gradients_arena_, optimizer_arena_, activations_arena_;
};

}  // namespace bertyard
