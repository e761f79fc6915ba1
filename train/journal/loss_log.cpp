// SPDX-License-Identifier: Apache-2.0
#include "train/journal/loss_log.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

std::string loss_line(const LossRecord& record) {
  return fmt::format("{} {:a} {:a} {} {}\n", record.step, record.mlm_loss, record.nsp_loss,
                     record.masked, record.samples);
}

LossLog::LossLog(FileWriter file, StreamingHash hash, std::uint64_t bytes)
    : file_(std::move(file)), hash_(std::move(hash)), bytes_(bytes), written_(bytes) {}

LossLog LossLog::create(const std::filesystem::path& path, const FileCalls& calls) {
  FileWriter file(path, OpenFor::append, calls);
  file.truncate(0);
  return LossLog(std::move(file), StreamingHash(), 0);
}

StreamingHash LossLog::verify(const std::filesystem::path& path, std::uint64_t bytes,
                              std::uint64_t digest) {
  const std::string text = std::filesystem::exists(path) ? read_file(path) : std::string();
  if (text.size() < bytes) {
    throw DataError(
        fmt::format("{}: {} bytes, the checkpoint was made after {}; the log of another "
                    "run, or a truncated one: restore it, or resume from an older "
                    "checkpoint",
                    path.string(), text.size(), bytes));
  }
  StreamingHash hash;
  hash.update(std::string_view(text).substr(0, bytes));
  if (hash.digest() != digest) {
    throw DataError(
        fmt::format("{}: its first {} bytes hash to {}, the checkpoint says {}; the log "
                    "of another run, or a damaged one",
                    path.string(), bytes, hash_text(hash.digest()), hash_text(digest)));
  }
  return hash;
}

LossLog LossLog::resume(const std::filesystem::path& path, std::uint64_t bytes,
                        std::uint64_t digest, const FileCalls& calls) {
  StreamingHash hash = verify(path, bytes, digest);
  FileWriter file(path, OpenFor::append, calls);
  file.truncate(bytes);
  file.sync();
  return LossLog(std::move(file), std::move(hash), bytes);
}

void LossLog::append(const LossRecord& record) {
  const std::string line = loss_line(record);
  hash_.update(line);
  bytes_ += line.size();
  unwritten_ += line;
  try {
    flush();
  } catch (const IoError&) {
    return;  // whoever saves a checkpoint hears of it
  }
}

void LossLog::flush() {
  if (unwritten_.empty()) return;
  try {
    file_.write(unwritten_);
  } catch (const IoError&) {
    file_.truncate(written_);  // no half lines
    throw;
  }
  written_ += unwritten_.size();
  unwritten_.clear();
}

}  // namespace bertyard
