// SPDX-License-Identifier: Apache-2.0
#include "data/text_file.h"

#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/utf8.h"

namespace bertyard {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;

}  // namespace

LineReader::LineReader(std::string path, std::size_t max_line_bytes)
    : path_(std::move(path)),
      max_line_bytes_(max_line_bytes),
      source_(open_byte_source(path_)),
      buffer_(2 * max_line_bytes + kReadBytes) {
  BERTYARD_CHECK(max_line_bytes >= 8, "LineReader: lines of less than 8 bytes");
  while (end_ < 3 && fill()) {
  }
  drop_byte_order_mark();
}

// Reads more behind what is there; false at the end of the source.
bool LineReader::fill() {
  if (begin_ > 0 && buffer_.size() - end_ < kReadBytes) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
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
    if (!inside_line_) ++line_number_;
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
