// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bertyard {

// A stream of bytes that is read once, front to back.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `buffer` and returns how many bytes; 0 at the end only. Throws DataError,
  // naming the file, when compressed data are damaged or end too early; IoError when reading fails.
  virtual std::size_t read(std::span<char> buffer) = 0;
};

// Opens a plain, gzip (any number of members) or zstd (any number of frames) file, told apart by
// their first bytes; "-" is standard input. Throws DataError when the file is missing or
// unreadable, when a file named .gz or .zst is no such file, and for compressions that bertyard
// does not read.
std::unique_ptr<ByteSource> open_byte_source(const std::string& path);
// A plain file from byte `begin` on.
std::unique_ptr<ByteSource> open_byte_source(const std::string& path, std::uint64_t begin);
// Whether the file is plain text that can be read from its middle: a regular file, not compressed.
// Errors as above.
bool can_be_split(const std::string& path);

}  // namespace bertyard
