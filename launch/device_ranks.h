// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "launch/run_config.h"
#include "parallel/communicator.h"
#include "parallel/nccl_communicator.h"

namespace bertyard {

// What parallel.comm joins the memory of the ranks' devices with; null where that is `ranks`
// itself: on CPUs, and for a rank alone. Every rank calls it. Borrows device and ranks. Throws
// EnvironmentError where NCCL is absent or cannot connect.
std::unique_ptr<Communicator> join_devices(Device& device, const RunConfig& config,
                                           Communicator& ranks);

// How long NCCL may take: to connect as long as the ranks may to come, for a collective as long as
// the watchdog lets a rank stand still.
NcclOptions nccl_options(const RunConfig& config);

}  // namespace bertyard
