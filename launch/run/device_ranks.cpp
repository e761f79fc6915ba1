// SPDX-License-Identifier: Apache-2.0
#include "launch/run/device_ranks.h"

#include <algorithm>

#include "parallel/gradient_buckets.h"
#include "parallel/host_staged_communicator.h"
#include "train/captured_objective.h"

namespace bertyard {

NcclOptions nccl_options(const RunConfig& config) {
  NcclOptions options;
  options.start_limit = ControlPlane::Seconds(config.launch.start_timeout);
  // A rank may write a checkpoint or evaluate while the others wait in the next step; what stands
  // still without such a reason the watchdog has named before.
  const double limit = config.watch.limit.seconds, slow = config.watch.slow_limit.seconds;
  options.time_limit =
      limit > 0 && slow > 0 ? ControlPlane::Seconds(std::max(limit, slow)) : kNoTimeLimit;
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

OrderedReduction::Options ordered_options(const ParallelOptions& parallel,
                                          const ShardPlan* shards) {
  return {.leaves = parallel.leaves,
          .block_bytes = static_cast<std::int64_t>(parallel.bucket_bytes),
          .shards = shards};
}

Communicator& DeviceRanks::joined(Communicator& ranks) {
  if (!devices_) devices_ = join_devices(device_, config_, ranks);
  return devices_ ? *devices_ : ranks;
}

void DeviceRanks::disconnect() {
  if (devices_) devices_->finalize();
}

std::unique_ptr<GradientReduction> DeviceRanks::make_reduction(Communicator& devices,
                                                               const ParameterStore& parameters,
                                                               const ShardPlan* shards) {
  const ParallelOptions& parallel = config_.parallel;
  const TensorView gradients = parameters.gradients();
  if (parallel.reduction == Reduction::ordered) {
    return std::make_unique<OrderedReduction>(device_, devices, gradients,
                                              ordered_options(parallel, shards));
  }
  const bool narrow = parallel.exchange == Precision::bf16 && devices.size() > 1;
  if (narrow) narrow_ = std::make_unique<NarrowSumCommunicator>(device_, devices);
  Communicator& ranks = narrow ? *narrow_ : devices;
  if (shards != nullptr) return std::make_unique<GradientBuckets>(ranks, gradients, *shards);
  return std::make_unique<GradientBuckets>(ranks, parameters, gradients,
                                           static_cast<std::int64_t>(parallel.bucket_bytes));
}

std::unique_ptr<Objective> DeviceRanks::captured(Objective& objective, int ranks) const {
  const ParallelOptions& parallel = config_.parallel;
  if (!parallel.graphs || device_.info().kind == DeviceKind::cpu) return nullptr;
  const bool overlaps = ranks > 1 && parallel.reduction == Reduction::fast;
  return std::make_unique<CapturedObjective>(
      objective, device_, overlaps ? ReducedMeanwhile::yes : ReducedMeanwhile::no);
}

}  // namespace bertyard
