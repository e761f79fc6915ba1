// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "data/files/mapping_guard.h"

namespace bertyard {

// A whole file mapped read-only. Owns the mapping. Throws DataError when the file is missing,
// is no regular file, or empty.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Throws DataError when the file at the path is no longer the one that was mapped, as it was
  // then: gone, replaced, cut short, written to. Asks the system.
  void require_unchanged() const;
  // The same, but asks the system once a second at most; a part that was cut off and touched since
  // is noticed at once. Cheap enough for every read.
  void require_unchanged_lately() const;

 private:
  // What the system said of the file when it was mapped.
  struct Identity {
    std::uint64_t device = 0, inode = 0, bytes = 0;
    std::int64_t seconds = 0, nanoseconds = 0;  // of its last change
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const std::string& path, int descriptor);

  std::string path_;
  std::span<const std::byte> bytes_;
  Identity identity_;
  MappingGuard guard_;
  std::unique_ptr<std::atomic<std::int64_t>> asked_;  // second of the last question
};

}  // namespace bertyard
