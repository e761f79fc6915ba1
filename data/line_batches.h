// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_file.h"

namespace bertyard {

// Consecutive lines of one file.
struct LineBatch {
  std::string bytes;
  std::vector<std::size_t> ends;
  const std::string* file = nullptr;
  std::uint64_t first_line = 0;

  std::string_view line(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends[index - 1];
    return std::string_view(bytes).substr(begin, ends[index] - begin);
  }
};

// Reads the lines of files in turn, some hundred at a time. Owns the open file.
class BatchReader {
 public:
  explicit BatchReader(std::vector<std::string> files) : files_(std::move(files)) {}

  // Replaces `batch`, which borrows its file's name from here; false at the end.
  bool next(LineBatch& batch);
  std::uint64_t cut_lines() const { return cut_lines_; }

 private:
  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::optional<LineReader> reader_;
  std::uint64_t cut_lines_ = 0;
};

}  // namespace bertyard
