// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"
#include "data/batches/batch.h"
#include "data/batches/step_plan.h"

namespace bertyard {

// The place of one micro-batch in device memory, at capacity. Owns nothing there. Where the device
// is not the host it owns two pinned copies there, so that one can be filled while the other is on
// its way, and fills every micro-batch up to its capacities: a device that chooses an algorithm for
// each shape of a product then sees one shape. What fills it belongs to no sequence and has no
// label: empty sequences in front, then the batch, then tokens and masked rows. Labels of whole
// sequences go with their place, so tasks that have them leave the number of sequences as it is.
class DeviceBatch {
 public:
  enum class Sequences { filled, as_they_are };
  explicit DeviceBatch(Sequences sequences = Sequences::filled) : sequences_filled_(sequences) {}

  void plan(ArenaPlan& plan, const Capacities& capacities);
  void bind(const Arena& arena, Device& device);

  // The capacities and the longest sequence of the batches to come, none above the planned ones: a
  // phase may have smaller ones. Throws Error where one is above.
  void resize(const MicroBatchCapacities& capacities, std::int64_t max_length);
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
  // What an array is filled up with, to how many elements, and on which side.
  enum class Side { front, back };
  template <typename T>
  struct Filling {
    std::int64_t elements = 0;
    T filler = {};
    Side side = Side::back;
  };

  Place add(ArenaPlan& plan, DType type, const Shape& shape);
  void check(const Batch& batch) const;
  // Without filling: as many elements as there are.
  template <typename T>
  ConstTensorView put(const Place& place, const std::vector<T>& values,
                      const Filling<T>& filling = {});

  Sequences sequences_filled_;
  Capacities planned_, capacities_;
  ArenaPlan staging_plan_;
  Place tokens_, positions_, segments_, samples_, key_mask_, offsets_, last_rows_, rows_, labels_,
      sentences_, task_labels_, task_values_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  std::array<Staging, 2> staging_;
  std::size_t turn_ = 0;
};

}  // namespace bertyard
