// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/log.h"
#include "data/files/file_writer.h"

namespace bertyard {

// One line of metrics.jsonl: a flat JSON object that begins with "t" (UTC) and "kind" (train, eval,
// checkpoint, event). Keys stand in the order in which they were added.
class MetricsRecord {
 public:
  MetricsRecord(std::string_view kind, std::int64_t step);
  // NaN and infinities become null, for JSON has neither.
  MetricsRecord& add(std::string_view key, double value);
  MetricsRecord& add(std::string_view key, std::optional<double> value);
  template <std::integral Count>
  MetricsRecord& add(std::string_view key, Count value) {
    return add_count(key, static_cast<std::int64_t>(value));
  }
  MetricsRecord& add(std::string_view key, std::string_view value);
  // The finished line for the time `utc`, with its newline.
  std::string line(std::string_view utc) const;

 private:
  MetricsRecord& add_count(std::string_view key, std::int64_t value);

  std::string kind_;
  std::string fields_;
};

// metrics.jsonl: append-only, whole lines, one write each. A last line that a kill cut short is
// removed at opening. Throws IoError where writing fails; the line is then lost, and whole.
class MetricsLog {
 public:
  MetricsLog(const std::filesystem::path& path, const FileCalls& calls);
  void write(const MetricsRecord& record);
  // The same, but the run is worth more than its lines: one that cannot be written is lost, which
  // the first of several says.
  void write_or_lose(const MetricsRecord& record, Logger& log);
  // Readers drop the lines of later steps that stand above this event.
  void mark_resume(std::int64_t step);
  void sync() { file_.sync(); }

 private:
  FileWriter file_;
  std::uint64_t written_ = 0;
  bool loses_lines_ = false;  // the disk takes none
};

}  // namespace bertyard
