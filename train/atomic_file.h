// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "train/file_calls.h"

namespace bertyard {

// Everything here throws IoError with the path and the system's reason, and leaves no temporary
// file behind. Temporary names begin with kTemporaryPrefix; what a killed process left under such
// a name may be removed by whoever owns the directory.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

enum class OpenFor { create, append };

// An open file that is written from front to back; hashes what goes through it. Owns the
// descriptor.
class FileWriter {
 public:
  // `create` truncates a file that is there. `calls` must outlive the writer.
  FileWriter(std::filesystem::path path, OpenFor mode, const FileCalls& calls);
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // To the disk, past the system's cache.
  void sync();
  void truncate(std::uint64_t bytes);
  // sync() and close, each checked; the destructor only closes.
  void finish();

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }           // written through this object
  std::uint64_t digest() const { return hash_.digest(); }  // of the same
  bool is_open() const { return descriptor_ >= 0; }

 private:
  std::filesystem::path path_;
  const FileCalls* calls_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  StreamingHash hash_;
};

// A file that appears under its name complete or not at all: written to a temporary name in the
// same directory; commit() syncs, renames and syncs the directory. Without commit() it is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, const FileCalls& calls);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  FileWriter& writer() { return writer_; }
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

void make_directories(const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& path, const FileCalls& calls = FileCalls());

// Removes a directory with everything in it, renaming it first, so that an interruption leaves a
// temporary name and never half a directory under its own.
void remove_directory(const std::filesystem::path& path, const FileCalls& calls = FileCalls());

// Removes what killed processes left in `directory`: every entry whose name begins with `prefix`.
void remove_leftovers(const std::filesystem::path& directory, std::string_view prefix,
                      const FileCalls& calls = FileCalls());

// What is in `directory`, in no order; nothing where the directory is not there.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory);

std::string read_file(const std::filesystem::path& path);

}  // namespace bertyard
