// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/host_memory.h"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/host_memory_limit.h"

namespace bertyard {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t pages_in_bytes(int name) {
  return static_cast<std::size_t>(sysconf(name)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void release_host_memory(void* data, std::size_t) noexcept {
  std::free(data);
}

}  // namespace

Buffer allocate_host_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kCacheLine;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  // aligned_alloc would succeed by overcommitment, and the kernel kill the run later.
  void* data = rounded >= bytes && rounded <= host_memory_limit()
                   ? std::aligned_alloc(alignment, rounded)
                   : nullptr;
  if (data == nullptr) {
    constexpr double kGigabyte = 1e9;
    throw EnvironmentError(fmt::format(
        "CPU memory: {:.3f} GB were asked for, the machine has {:.3f} GB and {:.3f} GB are free; "
        "make the micro-batch or the model smaller, or set parallel.recompute to layers",
        static_cast<double>(bytes) / kGigabyte,
        static_cast<double>(host_memory_limit()) / kGigabyte,
        static_cast<double>(pages_in_bytes(_SC_AVPHYS_PAGES)) / kGigabyte));
  }
  if (alignment == kHugePage) madvise(data, rounded, MADV_HUGEPAGE);
  return Buffer(data, bytes, release_host_memory);
}

}  // namespace bertyard
