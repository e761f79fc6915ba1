// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cuda_emulation/shared_memory.h"

#include <algorithm>
#include <cstdint>

namespace bertyard::emulation {
namespace {

constexpr std::size_t kGuard = 4096;
constexpr std::size_t kAlignment = 1024;
constexpr std::byte kPoison{0xFF};

}  // namespace

SharedMemory::SharedMemory(std::size_t bytes)
    : storage_(bytes + 2 * kGuard + kAlignment), bytes_(bytes) {
  const auto start = reinterpret_cast<std::uintptr_t>(storage_.data()) + kGuard;
  const std::uintptr_t aligned = (start + kAlignment - 1) / kAlignment * kAlignment;
  data_ = storage_.data() + kGuard + (aligned - start);
}

bool SharedMemory::contains(const void* address, std::size_t bytes) const {
  const auto* first = static_cast<const std::byte*>(address);
  return first >= data_ && first + bytes <= data_ + bytes_;
}

void SharedMemory::poison() {
  std::fill(storage_.begin(), storage_.end(), kPoison);
}

bool SharedMemory::guards_intact() const {
  const auto intact = [](const std::byte* first) {
    return std::all_of(first, first + kGuard, [](std::byte b) { return b == kPoison; });
  };
  return intact(data_ - kGuard) && intact(data_ + bytes_);
}

}  // namespace bertyard::emulation
