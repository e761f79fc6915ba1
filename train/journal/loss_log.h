// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/base/hash.h"
#include "data/files/file_writer.h"

namespace bertyard {

// One attempted step of the whole job: the losses as optimised, and the counts that normalise them.
struct LossRecord {
  std::int64_t step = 0;
  double mlm_loss = 0;
  double nsp_loss = 0;
  std::int64_t masked = 0;
  std::int64_t samples = 0;
};

// "12 0x1.2p+1 0x1.4p-1 310 64\n": losses in hexadecimal, so that equal lines mean equal bits.
std::string loss_line(const LossRecord& record);

// loss.log, the proof of an exact resume: append-only; a checkpoint stores bytes() and digest()
// after flush(), and a resumed run is cut back to them.
class LossLog {
 public:
  // Starts an empty log, whatever was there.
  static LossLog create(const std::filesystem::path& path, const FileCalls& calls);
  // DataError unless the log's first `bytes` are there and hash to `digest`; changes nothing.
  static StreamingHash verify(const std::filesystem::path& path, std::uint64_t bytes,
                              std::uint64_t digest);
  // Cuts the log back to its first `bytes`; DataError as verify().
  static LossLog resume(const std::filesystem::path& path, std::uint64_t bytes,
                        std::uint64_t digest, const FileCalls& calls);

  // Never fails: what a full disk does not take is kept and written later.
  void append(const LossRecord& record);
  // Throws IoError unless every line is in the file.
  void flush();
  // To the disk; may run beside append() in another thread.
  void sync() { file_.sync(); }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t digest() const { return hash_.digest(); }

 private:
  LossLog(FileWriter file, StreamingHash hash, std::uint64_t bytes);

  FileWriter file_;
  StreamingHash hash_;
  std::uint64_t bytes_;    // of all lines
  std::uint64_t written_;  // of those in the file
  std::string unwritten_;
};

}  // namespace bertyard
