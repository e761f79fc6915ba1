// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>

#include "core/backend/device.h"
#include "parallel/communicator.h"

namespace bertyard {

// Sums of f32 (all_reduce, reduce_scatter, reduce_parts) that send bf16: half the bytes, each value
// rounded before it is sent and after every addition that the communicator inside makes. The
// rounding runs on the device's compute stream. Everything else goes through as it is. Memory is
// taken as calls want it and kept, so the first step takes it all. Borrows device and communicator.
class NarrowSumCommunicator final : public Communicator {
 public:
  NarrowSumCommunicator(Device& device, Communicator& inside);
  ~NarrowSumCommunicator() override;
  std::string_view name() const override { return inside_.name(); }
  void check() override { inside_.check(); }

 private:
  struct Scratch;

  Pending start_all_reduce_sum(TensorView values) override;
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override;
  Pending start_all_gather(ConstTensorView in, TensorView out) override;
  Pending start_all_to_all(ConstTensorView in, TensorView out) override;
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_broadcast(TensorView values, int root) override;
  Pending start_barrier() override;

  std::shared_ptr<Scratch> take_scratch(std::int64_t elements);
  // Widens `from`, of `scratch`, into `to` when `operation` has been waited for.
  Pending widened_after(Pending operation, std::shared_ptr<Scratch> scratch, TensorView to,
                        ConstTensorView from);

  Device& device_;
  Communicator& inside_;
  std::list<std::shared_ptr<Scratch>> scratches_;
};

}  // namespace bertyard
