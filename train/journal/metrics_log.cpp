// SPDX-License-Identifier: Apache-2.0
#include "train/journal/metrics_log.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "data/files/json_dump.h"

namespace bertyard {
namespace {

std::string quoted(std::string_view text) {
  using Json = nlohmann::json;
  return dump_json(Json(text));
}

// Bytes of the whole lines of a file.
std::uint64_t whole_lines(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return 0;
  const std::string text = read_file(path);
  const std::size_t last = text.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

}  // namespace

MetricsRecord::MetricsRecord(std::string_view kind, std::int64_t step)
    : kind_(quoted(kind)), fields_(fmt::format(",\"step\":{}", step)) {}

MetricsRecord& MetricsRecord::add(std::string_view key, double value) {
  fields_ += std::isfinite(value) ? fmt::format(",{}:{}", quoted(key), value)
                                  : fmt::format(",{}:null", quoted(key));
  return *this;
}

MetricsRecord& MetricsRecord::add(std::string_view key, std::optional<double> value) {
  return add(key, value.value_or(std::nan("")));
}

MetricsRecord& MetricsRecord::add_count(std::string_view key, std::int64_t value) {
  fields_ += fmt::format(",{}:{}", quoted(key), value);
  return *this;
}

MetricsRecord& MetricsRecord::add(std::string_view key, std::string_view value) {
  fields_ += fmt::format(",{}:{}", quoted(key), quoted(value));
  return *this;
}

std::string MetricsRecord::line(std::string_view utc) const {
  return fmt::format("{{\"t\":{},\"kind\":{}{}}}\n", quoted(utc), kind_, fields_);
}

MetricsLog::MetricsLog(const std::filesystem::path& path, const FileCalls& calls)
    : file_(path, OpenFor::append, calls) {
  written_ = whole_lines(path);
  file_.truncate(written_);
}

void MetricsLog::write(const MetricsRecord& record) {
  const std::string line = record.line(utc_now());
  try {
    file_.write(line);
  } catch (const IoError&) {
    file_.truncate(written_);  // no half lines
    throw;
  }
  written_ += line.size();
}

void MetricsLog::write_or_lose(const MetricsRecord& record, Logger& log) {
  try {
    write(record);
    loses_lines_ = false;
  } catch (const IoError& error) {
    if (!loses_lines_) {
      log.warning("{}; training goes on, lines of metrics.jsonl are lost", error.what());
    }
    loses_lines_ = true;
  }
}

void MetricsLog::mark_resume(std::int64_t step) {
  write(MetricsRecord("event", step).add("event", "resume"));
}

}  // namespace bertyard
