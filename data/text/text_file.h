// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/byte_source.h"

namespace bertyard {

// Reads a text file line by line in bounded memory: twice the longest line allowed and a buffer.
class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

  // Opens what open_byte_source() opens, with its errors; refuses UTF-16 with a DataError.
  explicit LineReader(std::string path, std::size_t max_line_bytes = kMaxLineBytes);
  // The same, of a plain file from the first line that begins at byte `begin` or later. Reads no
  // further than `end` to find one.
  LineReader(std::string path, std::size_t max_line_bytes, std::uint64_t begin, std::uint64_t end);

  // The next line without its LF or CRLF, valid until the next call; false at the end. A byte order
  // mark is dropped. A longer line comes in pieces, cut at a space where there is one and between
  // two characters otherwise.
  bool next(std::string_view& line);

  const std::string& path() const { return path_; }
  std::uint64_t line_number() const { return line_number_; }  // of the last line, from 1
  std::uint64_t line_begin() const { return line_begin_; }    // its place in the text, in bytes
  // Whether what came last is its line, or the last piece of it, and what came before it was not.
  bool line_complete() const { return !inside_line_; }
  bool line_continues() const { return continues_; }
  std::uint64_t bytes() const { return bytes_; }          // of text, uncompressed
  std::uint64_t cut_lines() const { return cut_lines_; }  // longer than allowed

 private:
  bool fill();
  void drop_byte_order_mark();
  void make_room();
  void skip_to_line(std::uint64_t end);
  std::size_t cut_position() const;

  std::string path_;
  std::size_t max_line_bytes_;
  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what has not been given out yet
  std::size_t end_ = 0;
  bool at_end_ = false;
  bool inside_line_ = false;      // the last piece did not end its line
  bool continues_ = false;        // the last piece did not begin its line
  std::uint64_t first_byte_ = 0;  // where in the file the source begins
  std::uint64_t line_begin_ = 0;
  std::uint64_t line_number_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t cut_lines_ = 0;
};

}  // namespace bertyard
