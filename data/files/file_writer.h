// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/base/hash.h"
#include "data/files/file_calls.h"

namespace bertyard {

enum class OpenFor { create, append };

// An open file that is written from front to back; hashes what goes through it. Owns the
// descriptor. Throws IoError with the path and the system's reason.
class FileWriter {
 public:
  // `create` truncates a file that is there. `calls` must outlive the writer.
  FileWriter(std::filesystem::path path, OpenFor mode, const FileCalls& calls);
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // Claims room for `bytes` from the start of the file, so that a full disk shows at once.
  void reserve(std::uint64_t bytes);
  // For files that someone else laid out: neither counted nor hashed.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // To the disk, past the system's cache.
  void sync();
  void truncate(std::uint64_t bytes);
  // sync() and close, each checked; the destructor only closes.
  void finish();

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }           // written through write()
  std::uint64_t digest() const { return hash_.digest(); }  // of the same
  bool is_open() const { return descriptor_ >= 0; }

 private:
  std::filesystem::path path_;
  const FileCalls* calls_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  StreamingHash hash_;
};

std::string read_file(const std::filesystem::path& path);

// XXH3 and length of a whole file, read block by block: storage that fails says so by IoError,
// where a mapping would show zeros.
struct FileDigest {
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
};
FileDigest digest_of_file(const std::filesystem::path& path, const FileCalls& calls);

}  // namespace bertyard
