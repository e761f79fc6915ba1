// SPDX-License-Identifier: Apache-2.0
#include "launch/device_ranks.h"

#include "parallel/host_staged_communicator.h"

namespace bertyard {

NcclOptions nccl_options(const RunConfig& config) {
  NcclOptions options;
  options.start_limit = ControlPlane::Seconds(config.launch.start_timeout);
  const double standstill = config.watch.limit.seconds;
  options.time_limit = standstill > 0 ? ControlPlane::Seconds(standstill) : kNoTimeLimit;
  return options;
}

std::unique_ptr<Communicator> join_devices(Device& device, const RunConfig& config,
                                           Communicator& ranks) {
  if (device.info().kind != DeviceKind::cuda || ranks.size() == 1) return nullptr;
  // Between start and end of a reduction nothing else uses the ranks' communicator.
  if (config.parallel.comm == CommChoice::host) {
    return std::make_unique<HostStagedCommunicator>(device, ranks);
  }
  return make_nccl_communicator(device, ranks, nccl_options(config));
}

}  // namespace bertyard
