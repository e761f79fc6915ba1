// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/nn/model_config.h"
#include "launch/config/run_config.h"
#include "launch/run/environment.h"

namespace bertyard {

// Size, speed and scores of one model on the held-out part, forward alone.
struct ModelFigures {
  std::string path;
  ModelConfig config;
  std::int64_t parameters = 0;  // with the heads that were used
  double samples_per_second = 0;
  std::vector<std::pair<std::string, double>> scores;  // by name; fractions but for losses
};

struct DistillationReport {
  ModelFigures teacher, student;
  std::int64_t samples = 0;
};

// The teacher and the trained student on data.valid. Every rank calls it; all have the result.
DistillationReport compare_pretrained(const RunConfig& config, const ProcessGroup& group,
                                      Logger& log);
// The same on the held-out part of the task, the student being the best of the run.
DistillationReport compare_finetuned(const RunConfig& config, const ProcessGroup& group,
                                     Logger& log);

std::string report_text(const DistillationReport& report);
std::string report_json(const DistillationReport& report);

}  // namespace bertyard
