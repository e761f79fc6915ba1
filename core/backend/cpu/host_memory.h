// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/tensor/buffer.h"

namespace bertyard {

// Page-aligned where it is large, for huge pages, 64-byte aligned always. Throws EnvironmentError
// that says how much was asked for and how much is free.
Buffer allocate_host_memory(std::size_t bytes);

}  // namespace bertyard
