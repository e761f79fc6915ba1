// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "data/files/file_calls.h"

namespace bertyard::testing {

enum class Fault {
  killed,     // that call and every later one do nothing; a write gets half-way
  one_error,  // that call alone fails, with EIO
  disk_full,  // from that call on every write fails with ENOSPC
};

// For tests whose files need not survive a power cut: a sync takes long on a busy disk, and nothing
// gets better by waiting.
class CallsWithoutSync : public FileCalls {
 public:
  int sync(int) const override { return 0; }
  void pause(std::chrono::milliseconds) const override {}
};

// System calls of which the one numbered `at`, counted from 0, meets a fault.
class FaultyCalls : public FileCalls {
 public:
  FaultyCalls(Fault fault, int at) : fault_(fault), at_(at) {}

  // Whether the fault was reached.
  bool struck() const { return count_ > at_; }

  int open(const std::string& path, int flags) const override {
    return fails() ? -1 : FileCalls::open(path, flags);
  }
  std::ptrdiff_t write(int descriptor, const void* data, std::size_t bytes) const override {
    return half_way([&](std::size_t some) { return FileCalls::write(descriptor, data, some); },
                    bytes);
  }
  std::ptrdiff_t write_at(int descriptor, const void* data, std::size_t bytes,
                          std::uint64_t offset) const override {
    return half_way(
        [&](std::size_t some) { return FileCalls::write_at(descriptor, data, some, offset); },
        bytes);
  }
  std::ptrdiff_t read(int descriptor, void* data, std::size_t bytes) const override {
    return fails() ? -1 : FileCalls::read(descriptor, data, bytes);
  }
  int reserve(int descriptor, std::uint64_t bytes) const override {
    return fails() ? -1 : FileCalls::reserve(descriptor, bytes);
  }
  int sync(int) const override { return fails() ? -1 : 0; }
  void pause(std::chrono::milliseconds) const override {}
  int close(int descriptor) const override {
    FileCalls::close(descriptor);
    return fails() ? -1 : 0;
  }
  int truncate(int descriptor, std::size_t bytes) const override {
    return fails() ? -1 : FileCalls::truncate(descriptor, bytes);
  }
  int rename(const std::string& from, const std::string& to) const override {
    return fails() ? -1 : FileCalls::rename(from, to);
  }
  int remove(const std::string& path) const override {
    return fails() ? -1 : FileCalls::remove(path);
  }
  int make_directory(const std::string& path) const override {
    return fails() ? -1 : FileCalls::make_directory(path);
  }
  int make_symlink(const std::string& target, const std::string& link) const override {
    return fails() ? -1 : FileCalls::make_symlink(target, link);
  }

 private:
  template <typename Write>
  std::ptrdiff_t half_way(Write write, std::size_t bytes) const {
    const bool now = count_ == at_;
    if (fault_ == Fault::disk_full && count_++ >= at_) {
      errno = ENOSPC;
      return -1;
    }
    if (fault_ != Fault::disk_full && fails()) {
      if (now && fault_ == Fault::killed) write(bytes / 2);
      errno = EIO;
      return -1;
    }
    return write(bytes);
  }
  bool fails() const {
    const int number = count_++;
    errno = EIO;
    if (fault_ == Fault::killed) return number >= at_;
    return fault_ == Fault::one_error && number == at_;
  }

  Fault fault_;
  int at_;
  mutable int count_ = 0;
};

}  // namespace bertyard::testing
