// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/communicator.h"

namespace bertyard {

// A run of one rank: every collective is a copy or nothing, done when the call returns.
class SingleCommunicator final : public Communicator {
 public:
  SingleCommunicator() : Communicator(0, 1) {}
  std::string_view name() const override { return "single"; }

 private:
  Pending start_all_reduce_sum(TensorView values) override;
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override;
  Pending start_all_gather(ConstTensorView in, TensorView out) override;
  Pending start_all_to_all(ConstTensorView in, TensorView out) override;
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_broadcast(TensorView values, int root) override;
  Pending start_barrier() override;
};

}  // namespace bertyard
