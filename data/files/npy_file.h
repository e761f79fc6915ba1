// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/files/atomic_file.h"

namespace bertyard {

// The header of a NumPy file, format 1.0, as numpy.save writes it: `descr` is "<f4" or "<i8";
// without columns the array has one axis. 128 bytes for any shape, so that it can be written again
// when the number of rows is known.
std::string npy_header(std::string_view descr, std::uint64_t rows,
                       std::optional<std::uint64_t> columns);

// Writes a NumPy array row by row; nothing appears under its name before commit().
class NpyFile {
 public:
  NpyFile(const std::filesystem::path& path, std::string_view descr,
          std::optional<std::uint64_t> columns, const FileCalls& calls);

  void append(std::span<const float> values);         // "<f4", whole rows
  void append(std::span<const std::int64_t> values);  // "<i8"
  void commit();

 private:
  template <typename T>
  void append_values(std::span<const T> values);

  std::string descr_;
  std::optional<std::uint64_t> columns_;
  std::uint64_t values_ = 0;
  AtomicFile file_;
};

}  // namespace bertyard
