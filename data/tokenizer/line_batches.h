// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/text_file.h"

namespace bertyard {

// Consecutive lines of one file.
struct LineBatch {
  std::string bytes;
  std::vector<std::size_t> ends;
  std::vector<std::size_t> too_long;  // the lines that are empty here because they are that
  const std::string* file = nullptr;
  std::uint64_t first_line = 0;

  std::string_view line(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends[index - 1];
    return std::string_view(bytes).substr(begin, ends[index] - begin);
  }
};

// Reads the lines of files in turn, some hundred at a time, each whole: memory is that of the
// longest line. Owns the open file.
class BatchReader {
 public:
  // A line of more bytes is left out and named in LineBatch::too_long.
  BatchReader(std::vector<std::string> files, std::size_t max_line_bytes)
      : files_(std::move(files)), max_line_bytes_(max_line_bytes) {}

  // Replaces `batch`, which borrows its file's name from here; false at the end.
  bool next(LineBatch& batch);

 private:
  void add_line(LineBatch& batch, std::string_view piece);

  std::vector<std::string> files_;
  std::size_t max_line_bytes_;
  std::size_t next_file_ = 0;
  std::optional<LineReader> reader_;
};

}  // namespace bertyard
