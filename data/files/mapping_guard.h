// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace bertyard {

// Keeps a read of a mapped file from killing the process. Where the file was cut short, or its
// storage is gone, the system answers a touch with SIGBUS; for guarded mappings zeros are then put
// in the place of the page and the mapping is marked as lost, so that whoever reads can say so.
// Other bus errors go where they went before. Lives as long as the mapping; thread-safe.
class MappingGuard {
 public:
  MappingGuard() = default;
  explicit MappingGuard(std::span<const std::byte> mapping);
  ~MappingGuard();
  MappingGuard(MappingGuard&& other) noexcept;
  MappingGuard& operator=(MappingGuard&& other) noexcept;

  bool lost() const;

  struct Entry;

 private:
  Entry* entry_ = nullptr;
};

}  // namespace bertyard
