// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/config/cluster_options.h"
#include "launch/plan/scaling_model.h"
#include "launch/plot/plot.h"

namespace bertyard {

// A phase of the schedule on one number of devices.
struct PlannedStep {
  ScalingPoint point;
  std::int64_t micro_batch_tokens = 0;  // the capacity that gives every device work
};
// A number of devices.
struct PlanRow {
  int devices = 1;
  std::vector<PlannedStep> phases;
  double memory_bytes = 0;  // of a rank, in the largest phase
  double seconds = 0;       // of the whole run
};
struct PlanPhase {
  std::int64_t steps = 0;
  std::int64_t global_batch = 0;
  int length = 0;
  double tokens = 0;  // of a step
};
struct PlanReport {
  ClusterOptions cluster;
  std::vector<PlanPhase> phases;
  std::vector<PlanRow> rows;
  std::string end;  // why there is no row of more devices; empty: none was wanted

  // Time that one device takes / (devices x time of this many), in a phase.
  double efficiency(const PlanRow& row, std::size_t phase) const;
};

std::string plan_text(const PlanReport& report);
std::string plan_json(const PlanReport& report);
Plot plan_plot(const PlanReport& report, const std::string& title);

}  // namespace bertyard
