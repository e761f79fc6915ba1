// SPDX-License-Identifier: Apache-2.0
#include "data/line_batches.h"

namespace bertyard {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 18;

}  // namespace

bool BatchReader::next(LineBatch& batch) {
  batch.bytes.clear();
  batch.ends.clear();
  std::string_view line;
  while (reader_ || next_file_ < files_.size()) {
    if (!reader_) reader_.emplace(files_[next_file_++]);
    while (batch.bytes.size() < kBatchBytes && reader_->next(line)) {
      if (batch.ends.empty()) batch.first_line = reader_->line_number();
      batch.bytes.append(line);
      batch.ends.push_back(batch.bytes.size());
    }
    batch.file = &files_[next_file_ - 1];
    if (batch.bytes.size() >= kBatchBytes) return true;
    cut_lines_ += reader_->cut_lines();
    reader_.reset();
    if (!batch.ends.empty()) return true;
  }
  return false;
}

}  // namespace bertyard
