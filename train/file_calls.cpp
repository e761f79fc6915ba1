// SPDX-License-Identifier: Apache-2.0
#include "train/file_calls.h"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bertyard {

int FileCalls::open(const std::string& path, int flags) const {
  return ::open(path.c_str(), flags | O_CLOEXEC, 0666);
}

std::ptrdiff_t FileCalls::write(int descriptor, const void* data, std::size_t bytes) const {
  return ::write(descriptor, data, bytes);
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

}  // namespace bertyard
