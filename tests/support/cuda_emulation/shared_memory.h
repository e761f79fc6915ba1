// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace bertyard::emulation {

// The dynamic shared memory of a block, between two guards. All of it is 0xFF, NaN in every
// floating type, when a block starts.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes);
  std::byte* data() { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool contains(const void* address, std::size_t bytes) const;
  void poison();
  bool guards_intact() const;

 private:
  std::vector<std::byte> storage_;
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

}  // namespace bertyard::emulation
