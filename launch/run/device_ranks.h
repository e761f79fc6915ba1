// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "launch/config/run_config.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"
#include "parallel/narrow_sum_communicator.h"
#include "parallel/nccl_communicator.h"
#include "parallel/ordered_reduction.h"
#include "parallel/shard_plan.h"
#include "train/objective.h"

namespace bertyard {

// What parallel.comm joins the memory of the ranks' devices with; null where that is `ranks`
// itself: on CPUs, and for a rank alone. Every rank calls it. Borrows device and ranks. Throws
// EnvironmentError where NCCL is absent or cannot connect.
std::unique_ptr<Communicator> join_devices(Device& device, const RunConfig& config,
                                           Communicator& ranks);

// How long NCCL may take: to connect as long as the ranks may to come, for a collective as long as
// the watchdog lets a rank stand still.
NcclOptions nccl_options(const RunConfig& config);

// Ordered reduction as `parallel` has it; `shards` of ZeRO-1, or null.
OrderedReduction::Options ordered_options(const ParallelOptions& parallel, const ShardPlan* shards);

// This rank's device among those of a run. Borrows device and configuration; goes before memory of
// the device does.
class DeviceRanks {
 public:
  DeviceRanks(Device& device, const RunConfig& config) : device_(device), config_(config) {}

  // What joins the memory of the ranks' devices: `ranks` itself on CPUs. The first call connects
  // them, so every rank makes it, and throws what join_devices() does. `ranks` must outlive this.
  Communicator& joined(Communicator& ranks);
  // The good end of that, on every rank after its last collective. Graphs go first.
  void disconnect();
  // The sum over the ranks that parallel.reduction asks for, of the parameters' gradients, over
  // memory that was allocated. `devices` is what joined() gave, or something around it; it must
  // live until the last step. Throws UsageError where there are more ranks than leaves.
  std::unique_ptr<GradientReduction> make_reduction(Communicator& devices,
                                                    const ParameterStore& parameters,
                                                    const ShardPlan* shards = nullptr);
  // The objective with its micro-batches as graphs, as parallel.graphs says; null on a CPU. Where
  // several ranks reduce gradients while backward goes on, all but a step's last.
  std::unique_ptr<Objective> captured(Objective& objective, int ranks) const;

 private:
  Device& device_;
  const RunConfig& config_;
  std::unique_ptr<Communicator> devices_;  // null where the ranks' communicator does it
  std::unique_ptr<NarrowSumCommunicator> narrow_;
};

}  // namespace bertyard
