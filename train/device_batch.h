// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/device.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"
#include "data/batch.h"

namespace bertyard {

// The place of one micro-batch in device memory, at capacity. Owns no memory.
class DeviceBatch {
 public:
  void plan(ArenaPlan& plan, const Capacities& capacities);
  void bind(const Arena& arena, Device& device);

  // Copies `batch` to the device; the views hold until the next upload. Throws Error where the
  // batch exceeds the capacities. `batch` may go when the compute stream has passed the copies.
  PackedInput upload(const Batch& batch);

 private:
  Capacities capacities_;
  ArenaSlot tokens_, positions_, segments_, samples_, key_mask_, offsets_, last_rows_, rows_,
      labels_, sentences_, task_labels_, task_values_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
};

}  // namespace bertyard
