// SPDX-License-Identifier: Apache-2.0
#include "data/files/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& found) {
  throw DataError(fmt::format("{}: {}", path, found));
}

std::span<const std::byte> map(const std::string& path, int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "expected a regular file");
  if (status.st_size == 0) fail(path, "the file is empty");
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) fail(path, fmt::format("cannot be mapped: {}", std::strerror(errno)));
  return {static_cast<const std::byte*>(data), bytes};
}

// Some milliseconds behind, but without a system call.
std::int64_t now_seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

}  // namespace

MappedFile::Identity MappedFile::identity_of(const std::string& path, int descriptor) {
  struct stat status {};
  const int result = descriptor >= 0 ? ::fstat(descriptor, &status) : ::stat(path.c_str(), &status);
  if (result != 0) {
    fail(path, fmt::format("vanished while it was being read ({}); put it back and resume",
                           std::strerror(errno)));
  }
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

MappedFile::MappedFile(const std::filesystem::path& path)
    : path_(path.string()), asked_(std::make_unique<std::atomic<std::int64_t>>(now_seconds())) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path_, fmt::format("cannot be opened: {}", std::strerror(errno)));
  try {
    bytes_ = map(path_, descriptor);
    identity_ = identity_of(path_, descriptor);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);  // the mapping lives on
  guard_ = MappingGuard(bytes_);
}

MappedFile::~MappedFile() {
  guard_ = MappingGuard();
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(std::exchange(other.bytes_, {})),
      identity_(other.identity_),
      guard_(std::move(other.guard_)),
      asked_(std::move(other.asked_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(identity_, other.identity_);
  std::swap(guard_, other.guard_);
  std::swap(asked_, other.asked_);
  return *this;
}

void MappedFile::require_unchanged() const {
  const Identity now = identity_of(path_, -1);
  if (now.bytes != identity_.bytes) {
    fail(path_, fmt::format("had {} bytes when it was opened and has {} now: it was changed while "
                            "it was being read; put the old one back and resume",
                            identity_.bytes, now.bytes));
  }
  if (now != identity_ || guard_.lost()) {
    fail(path_, fmt::format("{} while it was being read; put the old one back and resume",
                            now.inode != identity_.inode || now.device != identity_.device
                                ? "was replaced by another file"
                                : "was changed"));
  }
}

void MappedFile::require_unchanged_lately() const {
  const std::int64_t now = now_seconds();
  if (!guard_.lost() && asked_->load(std::memory_order_relaxed) == now) return;
  asked_->store(now, std::memory_order_relaxed);
  require_unchanged();
}

}  // namespace bertyard
