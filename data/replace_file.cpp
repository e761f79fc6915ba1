// SPDX-License-Identifier: Apache-2.0
#include "data/replace_file.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

[[noreturn]] void fail(std::string_view action, const std::filesystem::path& path) {
  const int error = errno;
  throw IoError(fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(error)));
}

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

void write_all(int descriptor, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_and_rename(const std::filesystem::path& temporary, const std::filesystem::path& path,
                      std::string_view content) {
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.number() < 0) fail("create", temporary);
  write_all(file.number(), content, temporary);
  if (::fsync(file.number()) != 0) fail("flush", temporary);
  if (!file.close()) fail("close", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename a file to", path);
}

}  // namespace

void replace_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += fmt::format(".tmp-{}", ::getpid());
  try {
    write_and_rename(temporary, path, content);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor parent(directory, O_RDONLY | O_DIRECTORY);
  // Some file systems cannot flush a directory and say EINVAL; the rename stands all the same.
  if (parent.number() >= 0 && ::fsync(parent.number()) != 0 && errno != EINVAL) {
    fail("flush the directory", directory);
  }
}

}  // namespace bertyard
