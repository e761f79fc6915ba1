// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/backend/device.h"
#include "train/options.h"

namespace bertyard {

// What a rank trains on, as section `parallel` has it.
std::unique_ptr<Device> make_run_device(const ParallelOptions& options, int ranks_on_host);

}  // namespace bertyard
