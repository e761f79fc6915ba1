// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_file.h"

#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/utf8.h"

namespace bertyard {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;

}  // namespace

LineReader::LineReader(std::string path, std::size_t max_line_bytes)
    : LineReader(std::move(path), max_line_bytes, 0, 0) {}

LineReader::LineReader(std::string path, std::size_t max_line_bytes, std::uint64_t begin,
                       std::uint64_t end)
    : path_(std::move(path)),
      max_line_bytes_(max_line_bytes),
      source_(open_byte_source(path_, begin == 0 ? 0 : begin - 1)),
      buffer_(2 * kReadBytes),
      first_byte_(begin == 0 ? 0 : begin - 1) {
  BERTYARD_CHECK(max_line_bytes >= 8, "LineReader: lines of less than 8 bytes");
  if (begin > 0) {
    skip_to_line(end);
    return;
  }
  while (end_ < 3 && fill()) {
  }
  drop_byte_order_mark();
}

// Behind the line feed that ends the line in which the source begins; at the end of the source when
// there is none before `end`.
void LineReader::skip_to_line(std::uint64_t end) {
  while (fill()) {
    const void* found = std::memchr(buffer_.data(), '\n', end_);
    if (found != nullptr) {
      begin_ = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) + 1;
      return;
    }
    begin_ = end_;
    if (first_byte_ + bytes_ >= end) break;
    begin_ = end_ = 0;
  }
  begin_ = end_;
  at_end_ = true;
  source_.reset();
}

// Free space behind end_: moves what is left to the front, and grows with a long line.
void LineReader::make_room() {
  if (buffer_.size() - end_ >= kReadBytes) return;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(2 * buffer_.size());
}

// Reads more behind what is there; false at the end of the source.
bool LineReader::fill() {
  make_room();
  const std::size_t size = source_->read(std::span(buffer_).subspan(end_));
  end_ += size;
  bytes_ += size;
  at_end_ = size == 0;
  return !at_end_;
}

void LineReader::drop_byte_order_mark() {
  const std::string_view head(buffer_.data(), end_);
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) {
    throw DataError(
        fmt::format("{} is UTF-16 text, expected UTF-8; convert it: iconv -f UTF-16 -t "
                    "UTF-8",
                    path_));
  }
  if (head.starts_with("\xEF\xBB\xBF")) begin_ = 3;
}

// Where to cut a line that is too long, relative to begin_: behind its last blank, or else between
// two characters.
std::size_t LineReader::cut_position() const {
  const std::string_view head(buffer_.data() + begin_, max_line_bytes_);
  const std::size_t blank = head.find_last_of(" \t");
  if (blank != std::string_view::npos && blank > 0) return blank + 1;
  std::size_t cut = max_line_bytes_;
  while (cut > max_line_bytes_ - 3 && is_continuation(buffer_[begin_ + cut])) --cut;
  return cut;
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = 0;
  for (;;) {
    const char* data = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const auto* found =
        static_cast<const char*>(std::memchr(data + searched, '\n', size - searched));
    std::size_t length = found == nullptr ? size : static_cast<std::size_t>(found - data);
    searched = size;
    if (length <= max_line_bytes_ && found == nullptr && !at_end_) {
      fill();
      continue;
    }
    if (size == 0) return false;
    continues_ = inside_line_;
    if (!inside_line_) {
      ++line_number_;
      line_begin_ = first_byte_ + bytes_ - size;
    }
    if (length > max_line_bytes_) {
      length = cut_position();
      cut_lines_ += inside_line_ ? 0 : 1;
      inside_line_ = true;
      begin_ += length;
    } else {
      inside_line_ = false;
      begin_ += found == nullptr ? length : length + 1;
      if (length > 0 && data[length - 1] == '\r') --length;
    }
    line = {data, length};
    return true;
  }
}

}  // namespace bertyard
