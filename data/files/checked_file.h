// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bertyard {

// Files of work in progress. They are put in place by rename but not flushed to the disk: a reader
// checks them, and what a power cut damaged is made again.

// Writes pieces of bytes one after another under a temporary name. Without close() nothing stays.
class WorkFile {
 public:
  explicit WorkFile(std::filesystem::path path);
  ~WorkFile();
  WorkFile(const WorkFile&) = delete;
  WorkFile& operator=(const WorkFile&) = delete;

  std::uint64_t size() const { return size_; }
  void append(std::span<const std::byte> bytes);
  // Puts the file in place.
  void close();

 private:
  [[noreturn]] void fail(const char* action) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

// A text with its checksum behind it.
void write_checked(const std::filesystem::path& path, std::string_view text);
// Nothing where the file is missing or damaged.
std::optional<std::string> read_checked(const std::filesystem::path& path);

// Bytes [begin, end) of a file, or to its end, hashed in windows.
std::uint64_t hash_range(const std::filesystem::path& path, std::uint64_t begin, std::uint64_t end);

// Reads parts of a file that does not change. Owns the descriptor; any thread may read.
class FileReader {
 public:
  explicit FileReader(std::filesystem::path path);
  ~FileReader();
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Fills `bytes` from `offset` on; fewer only at the end of the file. Returns how many.
  std::size_t read_some(std::uint64_t offset, std::span<std::byte> bytes) const;
  // All of them, or DataError.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace bertyard
