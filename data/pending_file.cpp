// SPDX-License-Identifier: Apache-2.0
#include "data/pending_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {

PendingFile::PendingFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += fmt::format(".tmp-{}", ::getpid());
  descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("create", errno);
}

PendingFile::~PendingFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void PendingFile::fail(std::string_view action, int error) const {
  throw IoError(fmt::format("cannot {} {}: {}", action, temporary_.string(), std::strerror(error)));
}

void PendingFile::reserve(std::uint64_t bytes) {
  int error = 0;
  do {
    error = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(bytes));
  } while (error == EINTR);
  // A file system that cannot promise room says so at write_at() instead.
  if (error != 0 && error != EOPNOTSUPP && error != EINVAL) {
    fail(fmt::format("reserve {} bytes for", bytes), error);
  }
}

void PendingFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", errno);
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void PendingFile::commit() {
  if (::fsync(descriptor_) != 0) fail("flush", errno);
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail("complete", error);
  }
  sync_directory(path_.has_parent_path() ? path_.parent_path() : ".");
}

void sync_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  // Some file systems cannot flush a directory and say EINVAL; their renames stand all the same.
  if (!flushed && error != EINVAL) {
    throw IoError(
        fmt::format("cannot flush the directory {}: {}", directory.string(), std::strerror(error)));
  }
}

}  // namespace bertyard
