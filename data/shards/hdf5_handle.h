// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace bertyard {

// Owns one HDF5 identifier and the function that closes it. For data/hdf5_*.cpp.
class Hdf5Handle {
 public:
  using Close = int (*)(std::int64_t);

  Hdf5Handle(std::int64_t id, Close close) : id_(id), close_(close) {}
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  std::int64_t id() const { return id_; }

 private:
  std::int64_t id_;
  Close close_;
};

// Stops HDF5 from printing errors of this thread and from loading filter plugins.
void quiet_hdf5();

// What is wrong with how a dataset with this creation list is stored: in other files, or by a
// filter other than gzip and its companions. Empty where nothing is.
std::string refused_storage(std::int64_t creation);

// The innermost messages of this thread's error stack.
std::string hdf5_error_stack();

}  // namespace bertyard
