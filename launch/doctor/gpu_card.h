// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

// Bytes of the memory of an NVIDIA card as its driver reports them, by names such as "h100" and
// "a100-40". Throws UsageError that lists the names for any other.
std::uint64_t gpu_card_memory(const std::string& name);

}  // namespace bertyard
