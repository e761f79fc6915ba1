// SPDX-License-Identifier: Apache-2.0
#include "data/files/directories.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace bertyard {

namespace fs = std::filesystem;

fs::path temporary_name(const fs::path& path) {
  return path.parent_path() /
         fmt::format("{}{}-{}", kTemporaryPrefix, path.filename().string(), ::getpid());
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_io("create directory", path, error.value());
}

void sync_directory(const fs::path& directory, const FileCalls& calls) {
  const int descriptor = calls.open(directory.string(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0 && errno == EACCES) return;  // one may write there and not read
  require_io(descriptor, "open directory", directory);
  const int result = calls.sync(descriptor);
  const int error = errno;
  calls.close(descriptor);
  // Some network file systems refuse to sync a directory; their rename is durable by itself.
  if (result < 0 && error != EINVAL) fail_io("sync directory", directory, error);
}

void sync_parent(const fs::path& path, const FileCalls& calls) {
  sync_directory(path.has_parent_path() ? path.parent_path() : fs::path("."), calls);
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  while (!error && at != fs::directory_iterator()) {
    entries.push_back(at->path());
    at.increment(error);
  }
  // Unreadable is not the same as empty: a run must not start anew because a mount is sick.
  if (error && error != std::errc::no_such_file_or_directory) {
    fail_io("list", directory, error.value());
  }
  return entries;
}

void discard_tree(const fs::path& path, const FileCalls& calls) noexcept {
  try {
    std::error_code ignored;
    if (fs::is_directory(fs::symlink_status(path, ignored))) {
      for (const fs::path& entry : entries_of(path)) discard_tree(entry, calls);
    }
    calls.remove(path.string());
  } catch (const std::exception&) {
    return;
  }
}

void remove_directory(const fs::path& path, const FileCalls& calls) {
  const fs::path aside = temporary_name(path);
  discard_tree(aside, calls);
  require_io(calls.rename(path.string(), aside.string()), "remove", path);
  discard_tree(aside, calls);
}

void remove_leftovers(const fs::path& directory, std::string_view prefix, const FileCalls& calls) {
  for (const fs::path& entry : entries_of(directory)) {
    if (entry.filename().string().starts_with(prefix)) discard_tree(entry, calls);
  }
}

}  // namespace bertyard
