// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "launch/run_config.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"

namespace bertyard {

// What parallel.comm joins the memory of the ranks' devices with; null where that is `ranks`
// itself: on CPUs, and for a rank alone. Every rank calls it. Throws UsageError for what joins GPUs
// where this rank has none, and EnvironmentError where NCCL is absent or cannot connect.
std::unique_ptr<Communicator> join_devices(Device& device, CommChoice choice, Communicator& ranks);

// A reduction with the communicator that it runs over.
class DeviceReduction final : public GradientReduction {
 public:
  DeviceReduction(std::unique_ptr<Communicator> devices,
                  std::unique_ptr<GradientReduction> reduction)
      : devices_(std::move(devices)), reduction_(std::move(reduction)) {}

  int leaves() const override { return reduction_->leaves(); }
  LeafRange own_leaves() const override { return reduction_->own_leaves(); }
  void gradients_ready_up_to(std::int64_t offset) override {
    reduction_->gradients_ready_up_to(offset);
  }
  void leaf_done() override { reduction_->leaf_done(); }
  void finish() override { reduction_->finish(); }

 private:
  std::unique_ptr<Communicator> devices_;
  std::unique_ptr<GradientReduction> reduction_;
};

}  // namespace bertyard
