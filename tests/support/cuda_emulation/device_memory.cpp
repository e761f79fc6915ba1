// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cuda_emulation/device_memory.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <new>

#include <fmt/format.h>

namespace bertyard::emulation {
namespace {

constexpr std::size_t kGuard = 256;
constexpr std::align_val_t kAlignment{256};  // as cudaMalloc's
constexpr int kPoison = 0xFF;

struct Block {
  std::size_t bytes;
  MemoryKind kind;
};

struct Blocks {
  std::mutex mutex;
  std::map<const std::byte*, Block, std::less<>> by_address;
  std::size_t device_bytes = 0;
};

Blocks& blocks() {
  static Blocks all;
  return all;
}

bool intact(const std::byte* first) {
  return std::all_of(first, first + kGuard, [](std::byte b) { return b == std::byte{kPoison}; });
}

}  // namespace

void* allocate_memory(std::size_t bytes, MemoryKind kind) {
  auto* raw = static_cast<std::byte*>(::operator new(bytes + 2 * kGuard, kAlignment));
  std::memset(raw, kPoison, bytes + 2 * kGuard);
  Blocks& all = blocks();
  const std::lock_guard lock(all.mutex);
  all.by_address[raw + kGuard] = {bytes, kind};
  if (kind == MemoryKind::device) all.device_bytes += bytes;
  return raw + kGuard;
}

bool free_memory(void* data, MemoryKind kind) {
  Blocks& all = blocks();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_address.find(static_cast<std::byte*>(data));
  if (found == all.by_address.end() || found->second.kind != kind) return false;
  if (kind == MemoryKind::device) all.device_bytes -= found->second.bytes;
  all.by_address.erase(found);
  ::operator delete(static_cast<std::byte*>(data) - kGuard, kAlignment);
  return true;
}

MemoryKind kind_of(const void* data, std::size_t bytes) {
  Blocks& all = blocks();
  const std::lock_guard lock(all.mutex);
  const auto* first = static_cast<const std::byte*>(data);
  auto after = all.by_address.upper_bound(first);
  if (after == all.by_address.begin()) return MemoryKind::none;
  const auto& [start, block] = *std::prev(after);
  return first + bytes <= start + block.bytes ? block.kind : MemoryKind::none;
}

std::size_t allocated_bytes() {
  Blocks& all = blocks();
  const std::lock_guard lock(all.mutex);
  return all.device_bytes;
}

std::string damaged_memory() {
  Blocks& all = blocks();
  const std::lock_guard lock(all.mutex);
  for (const auto& [start, block] : all.by_address) {
    const bool before = !intact(start - kGuard);
    if (before || !intact(start + block.bytes)) {
      return fmt::format("device memory written {} a block of {} bytes",
                         before ? "before" : "beyond", block.bytes);
    }
  }
  return {};
}

}  // namespace bertyard::emulation
