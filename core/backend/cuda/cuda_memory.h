// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/tensor/buffer.h"

namespace bertyard {

// Memory of the current device, and host memory that copies overlap with. Each throws
// EnvironmentError that says how much was asked for and how much is free.
Buffer allocate_device_memory(std::size_t bytes);
Buffer allocate_pinned_memory(std::size_t bytes);

}  // namespace bertyard
