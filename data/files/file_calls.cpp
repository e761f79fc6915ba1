// SPDX-License-Identifier: Apache-2.0
#include "data/files/file_calls.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {

int FileCalls::open(const std::string& path, int flags) const {
  return ::open(path.c_str(), flags | O_CLOEXEC, 0666);
}

std::ptrdiff_t FileCalls::write(int descriptor, const void* data, std::size_t bytes) const {
  return ::write(descriptor, data, bytes);
}

std::ptrdiff_t FileCalls::write_at(int descriptor, const void* data, std::size_t bytes,
                                   std::uint64_t offset) const {
  return ::pwrite(descriptor, data, bytes, static_cast<off_t>(offset));
}

std::ptrdiff_t FileCalls::read(int descriptor, void* data, std::size_t bytes) const {
  return ::read(descriptor, data, bytes);
}

int FileCalls::reserve(int descriptor, std::uint64_t bytes) const {
  errno = ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
  return errno == 0 ? 0 : -1;
}

int FileCalls::sync(int descriptor) const {
  return ::fsync(descriptor);
}

int FileCalls::close(int descriptor) const {
  return ::close(descriptor);
}

int FileCalls::truncate(int descriptor, std::size_t bytes) const {
  return ::ftruncate(descriptor, static_cast<off_t>(bytes));
}

int FileCalls::rename(const std::string& from, const std::string& to) const {
  return std::rename(from.c_str(), to.c_str());
}

int FileCalls::remove(const std::string& path) const {
  return std::remove(path.c_str());
}

int FileCalls::make_directory(const std::string& path) const {
  return ::mkdir(path.c_str(), 0777);
}

int FileCalls::make_symlink(const std::string& target, const std::string& link) const {
  return ::symlink(target.c_str(), link.c_str());
}
void FileCalls::pause(std::chrono::milliseconds time) const {
  std::this_thread::sleep_for(time);
}

void fail_io(std::string_view action, const std::filesystem::path& path, int error) {
  std::string advice;
  if (error == ENOSPC || error == EDQUOT) advice = "; free some space and start again";
  if (error == EACCES || error == EROFS) advice = "; choose a directory that you may write to";
  throw IoError(
      fmt::format("cannot {} {}: {}{}", action, path.string(), std::strerror(error), advice));
}

void require_io(std::ptrdiff_t result, std::string_view action, const std::filesystem::path& path) {
  if (result < 0) fail_io(action, path, errno);
}

}  // namespace bertyard
