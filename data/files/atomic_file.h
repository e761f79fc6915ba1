// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "data/files/file_writer.h"

namespace bertyard {

// What appears under its name complete or not at all. Everything here throws IoError with the path
// and the system's reason, and leaves no temporary file behind.

// A file written to a temporary name in the same directory; commit() syncs, renames and syncs the
// directory. Without commit() it is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, const FileCalls& calls);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  FileWriter& writer() { return writer_; }  // its path() is the temporary one
  void commit();

 private:
  std::filesystem::path path_;
  const FileCalls& calls_;
  FileWriter writer_;
  bool committed_ = false;
};

// The same for a directory: fill path(), then commit(). A directory that is already there under the
// final name is moved aside first and removed last.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(std::filesystem::path path, const FileCalls& calls);
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  const FileCalls& calls_;
  bool committed_ = false;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view contents,
                           const FileCalls& calls = FileCalls());

// Lets `link` point to `target` (a name relative to the link's directory) without a moment in which
// it points nowhere.
void swap_symlink(const std::filesystem::path& link, const std::string& target,
                  const FileCalls& calls = FileCalls());

}  // namespace bertyard
