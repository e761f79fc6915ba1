// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace bertyard {
namespace {

using Json = nlohmann::json;

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

// Seconds since 1970 of "2026-11-23T05:00:00Z"; nothing for any other text.
std::optional<double> seconds_of(const std::string& utc) {
  std::tm parts{};
  const char* end = ::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<double>(::timegm(&parts));
}

struct Record {
  std::string kind;
  std::int64_t step = 0;
  double seconds = 0;
  std::string event;
  std::map<std::string, double> numbers;
};

Record parse_record(const std::string& line) {
  Record record;
  const Json fields = Json::parse(line);
  fields.at("kind").get_to(record.kind);
  fields.at("step").get_to(record.step);
  record.event = fields.value("event", "");
  for (const auto& [key, value] : fields.items()) {
    if (value.is_number() && key != "step") record.numbers[key] = value.get<double>();
  }
  const auto seconds = seconds_of(fields.at("t").get<std::string>());
  if (!seconds) throw DataError("'t' is no time such as 2026-11-23T05:00:00Z");
  record.seconds = *seconds;
  return record;
}

// Collects rows line by line and takes back what a resume took back.
class MetricsReader {
 public:
  explicit MetricsReader(const std::vector<std::string>& wanted) : wanted_(wanted) {}

  void add(const Record& record) {
    if (record.kind == "event") {
      if (record.event == "resume") go_back(record.step, record.seconds);
    } else if (record.kind == "train") {
      if (last_train_ && record.step <= *last_train_) go_back(record.step - 1, record.seconds);
      last_train_ = record.step;
      add_row(MetricsKind::train, record, metrics_.train_keys);
    } else if (record.kind == "eval") {
      add_row(MetricsKind::evaluation, record, metrics_.evaluation_keys);
    }
  }

  RunMetrics finish() {
    fill_tokens();
    return std::move(metrics_);
  }

 private:
  void go_back(std::int64_t step, double now) {
    auto& rows = metrics_.rows;
    std::erase_if(rows, [step](const MetricsRow& row) { return row.step > step; });
    last_train_ = std::nullopt;
    start_seconds_ = now;
    hours_before_ = rows.empty() ? 0 : rows.back().hours;
  }

  void add_row(MetricsKind kind, const Record& record, std::set<std::string>& keys) {
    if (!start_seconds_) start_seconds_ = record.seconds;
    MetricsRow row{kind, record.step, kAbsent, 0, std::vector<double>(wanted_.size(), kAbsent)};
    row.hours = hours_before_ + (record.seconds - *start_seconds_) / 3600;
    for (const auto& [key, value] : record.numbers) keys.insert(key);
    for (std::size_t i = 0; i < wanted_.size(); ++i) row.values[i] = number(record, wanted_[i]);
    row.tokens = number(record, "tokens");
    metrics_.rows.push_back(std::move(row));
  }

  static double number(const Record& record, const std::string& key) {
    const auto found = record.numbers.find(key);
    return found != record.numbers.end() ? found->second : kAbsent;
  }

  // An evaluation says no tokens: they lie on the line through the train records on either side of
  // it.
  void fill_tokens() {
    auto& rows = metrics_.rows;
    PassedRow before{0, 0};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].kind == MetricsKind::evaluation) rows[i].tokens = tokens_at(i, before);
      if (rows[i].kind == MetricsKind::train) before = {rows[i].step, rows[i].tokens};
    }
  }

  struct PassedRow {
    std::int64_t step;
    double tokens;
  };

  double tokens_at(std::size_t index, const PassedRow& before) const {
    const auto& rows = metrics_.rows;
    const auto ahead = static_cast<double>(rows[index].step - before.step);
    if (ahead <= 0) return before.tokens;
    for (std::size_t next = index + 1; next < rows.size(); ++next) {
      const bool usable = rows[next].kind == MetricsKind::train && !std::isnan(rows[next].tokens);
      if (!usable || rows[next].step <= before.step) continue;
      const auto steps = static_cast<double>(rows[next].step - before.step);
      return before.tokens + (rows[next].tokens - before.tokens) * ahead / steps;
    }
    const auto passed = static_cast<double>(before.step);
    return passed > 0 ? before.tokens * (1 + ahead / passed) : kAbsent;
  }

  const std::vector<std::string>& wanted_;
  RunMetrics metrics_;
  std::optional<std::int64_t> last_train_;
  std::optional<double> start_seconds_;
  double hours_before_ = 0;
};

}  // namespace

RunMetrics read_metrics(const std::filesystem::path& path, const std::vector<std::string>& wanted) {
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path)) {
    throw DataError(
        fmt::format("{}: cannot be read; expected the metrics.jsonl of a run (a run "
                    "with log.jsonl: false has none)",
                    path.string()));
  }
  MetricsReader reader(wanted);
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line) && !file.eof(); ++number) {
    try {
      reader.add(parse_record(line));
    } catch (const std::exception& error) {
      throw DataError(fmt::format("{}:{}: is no record of a run's metrics: {}", path.string(),
                                  number, error.what()));
    }
  }
  return reader.finish();
}

RunMetrics mean_metrics(std::vector<RunMetrics> runs) {
  RunMetrics mean = std::move(runs.front());
  const auto share = 1.0 / static_cast<double>(runs.size());
  std::erase_if(mean.rows, [&](MetricsRow& row) {
    std::vector<const MetricsRow*> found;
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const auto same =
          std::find_if(runs[i].rows.begin(), runs[i].rows.end(), [&](const MetricsRow& other) {
            return other.kind == row.kind && other.step == row.step;
          });
      if (same == runs[i].rows.end()) return true;
      found.push_back(&*same);
    }
    for (const MetricsRow* other : found) {
      row.tokens += other->tokens;
      row.hours += other->hours;
      for (std::size_t k = 0; k < row.values.size(); ++k) row.values[k] += other->values[k];
    }
    row.tokens *= share;
    row.hours *= share;
    for (double& value : row.values) value *= share;
    return false;
  });
  return mean;
}

}  // namespace bertyard
