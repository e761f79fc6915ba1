// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/line_batches.h"

namespace bertyard {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 18;
constexpr std::size_t kBatchLines = 4096;  // short lines have memory of their own

}  // namespace

// The line that begins with this piece, and what follows of it.
void BatchReader::add_line(LineBatch& batch, std::string_view piece) {
  const std::size_t begin = batch.bytes.size();
  batch.bytes.append(piece);
  bool fits = piece.size() <= max_line_bytes_;
  while (!reader_->line_complete() && reader_->next(piece)) {
    fits = fits && batch.bytes.size() - begin + piece.size() <= max_line_bytes_;
    if (fits) batch.bytes.append(piece);
  }
  if (!fits) {
    batch.bytes.resize(begin);
    batch.too_long.push_back(batch.ends.size());
  }
  batch.ends.push_back(batch.bytes.size());
}

bool BatchReader::next(LineBatch& batch) {
  batch.bytes.clear();
  batch.ends.clear();
  batch.too_long.clear();
  std::string_view line;
  while (reader_ || next_file_ < files_.size()) {
    if (!reader_) reader_.emplace(files_[next_file_++]);
    const auto is_full = [&] {
      return batch.bytes.size() >= kBatchBytes || batch.ends.size() >= kBatchLines;
    };
    while (!is_full() && reader_->next(line)) {
      if (batch.ends.empty()) batch.first_line = reader_->line_number();
      add_line(batch, line);
    }
    batch.file = &files_[next_file_ - 1];
    if (is_full()) return true;
    reader_.reset();
    if (!batch.ends.empty()) return true;
  }
  return false;
}

}  // namespace bertyard
