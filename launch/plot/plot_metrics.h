// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace bertyard {

enum class MetricsKind { train, evaluation };

// One record of metrics.jsonl.
struct MetricsRow {
  MetricsKind kind = MetricsKind::train;
  std::int64_t step = 0;
  double tokens = 0;           // since the run's start; of an evaluation: by its step
  double hours = 0;            // since the run's start, without the time it lay still
  std::vector<double> values;  // of the wanted keys; NaN where null or absent
};

struct RunMetrics {
  std::vector<MetricsRow> rows;      // in the order of the file
  std::set<std::string> train_keys;  // all that hold numbers
  std::set<std::string> evaluation_keys;
};

// Reads the train and eval records of a metrics.jsonl. What a resume took back is left out: rows of
// later steps above a resume event, or above a row whose step does not come after them. A last line
// without its end is one that a kill cut short, and is left out too.
// Throws DataError: no such file, a line that is no record (with its number).
RunMetrics read_metrics(const std::filesystem::path& path, const std::vector<std::string>& wanted);

// The mean of several runs, at the steps that all have: of tokens, hours and values; the keys are
// those of the first. Of one run: itself.
RunMetrics mean_metrics(std::vector<RunMetrics> runs);

}  // namespace bertyard
