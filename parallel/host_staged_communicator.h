// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/backend/device.h"
#include "parallel/communicator.h"
#include "parallel/job_queue.h"

namespace bertyard {

// Collectives on a device's memory by way of pinned host memory and another communicator, for what
// NCCL refuses or a machine lacks: several ranks on one GPU, and tests on any device. The copy from
// the device is ordered behind the compute stream and overlaps with it, as the communication does;
// the copy back starts in wait(), which waits on the host. It cannot be captured in a graph. Memory
// is taken as calls want it and kept, so the first step takes it all. Views of host memory are for
// the communicator inside. Borrows device and communicator, which only it may use meanwhile.
class HostStagedCommunicator final : public Communicator {
 public:
  HostStagedCommunicator(Device& device, Communicator& host);
  ~HostStagedCommunicator() override;
  std::string_view name() const override { return name_; }

 private:
  struct Staging;
  // One collective: what goes out, where the result goes, and the call on host memory of the same
  // shapes. An all_reduce has `in` and `out` in one place.
  struct Call {
    ConstTensorView in;
    TensorView out;
    std::function<Pending(ConstTensorView in, TensorView out)> on_host;
  };

  Pending start_all_reduce_sum(TensorView values) override;
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override;
  Pending start_all_gather(ConstTensorView in, TensorView out) override;
  Pending start_all_to_all(ConstTensorView in, TensorView out) override;
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override;
  Pending start_broadcast(TensorView values, int root) override;
  Pending start_barrier() override;

  Pending start(Call call);
  std::shared_ptr<Staging> take_staging(std::size_t in_bytes, std::size_t out_bytes);
  void bring_back(Staging& staging, ConstTensorView from, TensorView to);

  Device& device_;
  Communicator& host_;
  std::string name_;
  std::unique_ptr<Stream> stream_;
  std::list<std::shared_ptr<Staging>> stagings_;
  JobQueue queue_;  // last: its thread ends before what its jobs use
};

}  // namespace bertyard
