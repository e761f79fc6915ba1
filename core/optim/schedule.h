// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/optim/optimizer_options.h"

namespace bertyard {

struct ScheduleOptions {
  double peak_rate = 1e-4;
  double end_rate = 0.0;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 0;
  Decay decay = Decay::linear;
  ScheduleForm form = ScheduleForm::google;
  double polynomial_degree = 0.5;  // NVIDIA's sqrt(1 - p)
  bool operator==(const ScheduleOptions&) const = default;
};

// Learning rate of attempted step `step`, counted from 0: a pure function, so that a resumed run
// needs no schedule state.
//   google:  t = step,     warm-up peak t / warmup,       then end + (peak - end) decay(t / total)
//   nvidia:  t = step + 1, p = t / total, p < warmup / total ? peak p total / warmup : the same
//   decay(p): linear 1 - p; polynomial (1 - p)^degree; constant 1; cosine (1 + cos(pi p)) / 2
double learning_rate(const ScheduleOptions& options, std::int64_t step);

}  // namespace bertyard
