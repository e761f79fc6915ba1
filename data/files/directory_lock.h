// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/log.h"

namespace bertyard {

// How a directory is spoken of where somebody else holds it.
struct DirectoryRole {
  std::string what;  // "run directory"
  std::string key;   // the setting that chooses another one: "run.name"
};

// A directory that one process holds at a time: an exclusive lock on `directory`/.lock, which says
// who holds it. Given back by the destructor, and by the system when the process is killed.
class DirectoryLock {
 public:
  // EnvironmentError that names the holder where another process has it, IoError where the file
  // cannot be made. A file system without locks gets a warning and no lock.
  DirectoryLock(const std::filesystem::path& directory, const DirectoryRole& role, Logger& log);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

  static std::filesystem::path file_in(const std::filesystem::path& directory);

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace bertyard
