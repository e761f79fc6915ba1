// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "launch/run_config.h"
#include "parallel/communicator.h"

namespace bertyard {

// What parallel.comm joins the memory of the ranks' devices with; null where that is `ranks`
// itself: on CPUs, and for a rank alone. Every rank calls it. Borrows both. Throws UsageError for
// what joins GPUs where this rank has none, and EnvironmentError where NCCL is absent or cannot
// connect.
std::unique_ptr<Communicator> join_devices(Device& device, CommChoice choice, Communicator& ranks);

}  // namespace bertyard
