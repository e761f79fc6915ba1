// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace bertyard {

// The system calls with which files are written and verified, one method each, as POSIX has them:
// -1 and errno on failure. Tests derive from it to let any call fail, or to cut a run short after
// any call. Stateless.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int open(const std::string& path, int flags) const;
  virtual std::ptrdiff_t write(int descriptor, const void* data, std::size_t bytes) const;
  virtual std::ptrdiff_t write_at(int descriptor, const void* data, std::size_t bytes,
                                  std::uint64_t offset) const;
  virtual std::ptrdiff_t read(int descriptor, void* data, std::size_t bytes) const;
  virtual int reserve(int descriptor, std::uint64_t bytes) const;
  virtual int sync(int descriptor) const;
  virtual int close(int descriptor) const;
  virtual int truncate(int descriptor, std::size_t bytes) const;
  virtual int rename(const std::string& from, const std::string& to) const;
  virtual int remove(const std::string& path) const;  // a file or an empty directory
  virtual int make_directory(const std::string& path) const;
  virtual int make_symlink(const std::string& target, const std::string& link) const;
  // Before something is tried again.
  virtual void pause(std::chrono::milliseconds time) const;
};

// Throws IoError: "cannot ACTION PATH: " with the system's reason and what to do about it.
[[noreturn]] void fail_io(std::string_view action, const std::filesystem::path& path, int error);
// The same, with errno, where `result` is negative.
void require_io(std::ptrdiff_t result, std::string_view action, const std::filesystem::path& path);

}  // namespace bertyard
