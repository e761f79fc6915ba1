// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace bertyard {

// A large file that gets its name when it is complete: filled under a temporary one, then fsynced,
// closed, renamed, and its directory fsynced. Owns the descriptor and, until commit(), the
// temporary file, which the destructor removes.
// Errors: IoError with the path and what the system says.
class PendingFile {
 public:
  explicit PendingFile(std::filesystem::path path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  // Claims room for `bytes` from the start of the file, so that a full disk shows at once.
  void reserve(std::uint64_t bytes);
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  void commit();

  const std::filesystem::path& temporary_path() const { return temporary_; }

 private:
  [[noreturn]] void fail(std::string_view action, int error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// Makes renames and removals within `directory` last through a loss of power.
void sync_directory(const std::filesystem::path& directory);

}  // namespace bertyard
