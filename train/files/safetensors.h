// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor/tensor_view.h"
#include "data/files/file_writer.h"
#include "data/files/mapped_file.h"

namespace bertyard {

// The safetensors format (github.com/huggingface/safetensors): u64 little-endian header length, the
// header as JSON padded to 8 bytes with spaces, then the tensors' bytes without holes.
struct NamedTensor {
  std::string name;
  ConstTensorView values;  // host memory
};

// Writes in the order of the library: the wider type first, then by name. Throws Error for a name
// that is there twice, IoError where writing fails.
void write_safetensors(FileWriter& file, std::vector<NamedTensor> tensors);

// What the header says of one tensor. The extents stand as they are in the file: any number of
// them.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // the file's word: "F32"
  std::vector<std::int64_t> extents;
  std::uint64_t elements = 0;
  std::uint64_t offset = 0;  // bytes from the start of the file
  std::uint64_t bytes = 0;
};

// A safetensors file opened for reading. Owns the mapping. The whole header is checked when it is
// opened: at most 100 MB, begins with '{', no duplicate keys, known types, no overflow in the
// product of a shape, offsets inside the file, no holes and no overlap; DataError names file and
// tensor.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  // In the order of the offsets.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // Null where there is none of that name.
  const SafetensorsEntry* find(std::string_view name) const;
  std::span<const std::byte> bytes(const SafetensorsEntry& entry) const;

  // The first out.size() elements as f32, converted from F32, F16, BF16 or F64; DataError for any
  // other type or when the tensor is shorter.
  void read_f32(const SafetensorsEntry& entry, std::span<float> out) const;

 private:
  std::filesystem::path path_;
  MappedFile file_;
  std::vector<SafetensorsEntry> entries_;
};

// "[30522, 768]"
std::string extents_text(std::span<const std::int64_t> extents);

}  // namespace bertyard
