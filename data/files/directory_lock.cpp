// SPDX-License-Identifier: Apache-2.0
#include "data/files/directory_lock.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "data/files/file_calls.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::string holder_of(const fs::path& file) {
  std::ifstream stream(file);
  std::string holder;
  std::getline(stream, holder);
  return holder.empty() ? "another process" : holder;
}

// Whether `file` still is what `descriptor` opened: its last holder may have removed it.
bool is_file(int descriptor, const fs::path& file) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

// For the message of whoever finds the lock taken.
void note_holder(int descriptor, const fs::path& file, Logger& log) {
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  const std::string holder = fmt::format("process {} on {}", ::getpid(), host);
  const bool noted =
      ::ftruncate(descriptor, 0) == 0 &&
      ::write(descriptor, holder.data(), holder.size()) == static_cast<ssize_t>(holder.size());
  if (!noted) log.debug("{}: the holder's name could not be noted", file.string());
}

}  // namespace

fs::path DirectoryLock::file_in(const fs::path& directory) {
  return directory / ".lock";
}

DirectoryLock::DirectoryLock(const fs::path& directory, const DirectoryRole& role, Logger& log)
    : file_(file_in(directory)) {
  for (;;) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    require_io(descriptor_, "open", file_);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
      if (is_file(descriptor_, file_)) break;
      ::close(descriptor_);
      continue;
    }
    const int error = errno;
    if (error != EWOULDBLOCK) {
      log.warning("{} does not support locks ({}): see to it that one process at a time uses {}",
                  file_.string(), std::strerror(error), directory.string());
      return;
    }
    ::close(std::exchange(descriptor_, -1));
    throw EnvironmentError(
        fmt::format("{} {} is in use by {}; wait for it to end, or choose another {}", role.what,
                    directory.string(), holder_of(file_), role.key));
  }
  note_holder(descriptor_, file_, log);
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ < 0) return;
  ::unlink(file_.c_str());
  ::close(descriptor_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace bertyard
