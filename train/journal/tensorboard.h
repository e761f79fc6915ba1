// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/base/log.h"
#include "data/files/file_writer.h"

namespace bertyard {

struct Scalar {
  std::string tag;   // "loss/mlm"
  double value = 0;  // stored as f32, as the format has it
};

// CRC-32C (Castagnoli), as TFRecord uses it.
std::uint32_t crc32c(std::string_view bytes);

// One Event message of tensorflow/core/util/event.proto: wall_time = 1, step = 2, summary = 5 of
// value = 1 of {tag = 1, simple_value = 2}.
std::string encode_event(double wall_time, std::int64_t step, std::span<const Scalar> scalars);

// u64 length, masked CRC of the length, data, masked CRC of the data.
std::string frame_record(std::string_view data);

// An event file that TensorBoard reads: events.out.tfevents.SECONDS.HOST in the run directory, a
// new one for every start. Throws IoError where writing fails.
class EventFile {
 public:
  EventFile(const std::filesystem::path& directory, const FileCalls& calls);
  void write(std::int64_t step, std::span<const Scalar> scalars);
  // The same, but the run is worth more than its curves: where writing fails the log says so and
  // nothing more is written, for half a record ends the file for its readers.
  void write_or_end(std::int64_t step, std::span<const Scalar> scalars, Logger& log);
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  FileWriter file_;
  bool ended_ = false;
};

}  // namespace bertyard
