// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"
#include "data/batch.h"

namespace bertyard {

// The place of one micro-batch in device memory, at capacity. Owns nothing there; where the device
// is not the host, two pinned copies on the host, so that one can be filled while the other is on
// its way.
class DeviceBatch {
 public:
  void plan(ArenaPlan& plan, const Capacities& capacities);
  void bind(const Arena& arena, Device& device);

  // Copies `batch` to the device; the views hold until the next upload. Throws Error where the
  // batch exceeds the capacities. `batch` may go when the call returns.
  PackedInput upload(const Batch& batch);

 private:
  // Where one of the batch's arrays goes.
  struct Place {
    ArenaSlot device, staged;
  };
  struct Staging {
    Arena arena;
    std::unique_ptr<Event> copied;
    bool used = false;
  };

  Place add(ArenaPlan& plan, DType type, const Shape& shape);
  template <typename T>
  ConstTensorView put(const Place& place, const std::vector<T>& values);

  Capacities capacities_;
  ArenaPlan staging_plan_;
  Place tokens_, positions_, segments_, samples_, key_mask_, offsets_, rows_, labels_, sentences_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  std::array<Staging, 2> staging_;
  std::size_t turn_ = 0;
};

}  // namespace bertyard
