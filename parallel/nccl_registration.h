// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/tensor/buffer.h"

namespace bertyard {

// Memory that NCCL moves without copies inside, of NCCL 2.19 and later: nccl_registration.cpp, or
// nccl_registration_absent.cpp, whose functions throw EnvironmentError. `communicator` is an
// ncclComm_t.
void* register_with_nccl(void* communicator, void* memory, std::size_t bytes);
void deregister_with_nccl(void* communicator, void* registration) noexcept;
Buffer allocate_by_nccl(std::size_t bytes);

}  // namespace bertyard
