// SPDX-License-Identifier: Apache-2.0
#include "launch/device_ranks.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "parallel/host_staged_communicator.h"
#include "parallel/nccl_communicator.h"

namespace bertyard {

std::unique_ptr<Communicator> join_devices(Device& device, CommChoice choice, Communicator& ranks) {
  const DeviceInfo info = device.info();
  if (info.kind != DeviceKind::cuda) {
    if (choice == CommChoice::automatic) return nullptr;
    throw UsageError(fmt::format(
        "parallel.comm: {} is for ranks on GPUs, and this rank computes on {}; use auto",
        choice == CommChoice::nccl ? "nccl" : "host", info.name));
  }
  if (ranks.size() == 1) return nullptr;
  // Between start and end of a reduction nothing else uses the ranks' communicator.
  if (choice == CommChoice::host) return std::make_unique<HostStagedCommunicator>(device, ranks);
  return make_nccl_communicator(device, ranks, {});
}

}  // namespace bertyard
