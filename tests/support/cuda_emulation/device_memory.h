// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace bertyard::emulation {

// Device and pinned memory: heap blocks between guards of 0xFF, filled with 0xFF, NaN in every
// floating type, so that what is read before it was written shows. Safe to call from any thread.
enum class MemoryKind { none, device, pinned };

void* allocate_memory(std::size_t bytes, MemoryKind kind);
// False where `data` is no such block.
bool free_memory(void* data, MemoryKind kind);
// What [data, data + bytes) lies in; `none` is the host's own memory.
MemoryKind kind_of(const void* data, std::size_t bytes);
std::size_t allocated_bytes();
// Empty where every guard is intact, else which block was written past its ends.
std::string damaged_memory();

}  // namespace bertyard::emulation
