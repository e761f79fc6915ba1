// SPDX-License-Identifier: Apache-2.0
#include "core/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bertyard {
namespace {

double decay_factor(const ScheduleOptions& options, double progress) {
  const double left = std::max(0.0, 1.0 - progress);
  switch (options.decay) {
    case Decay::linear:
      return left;
    case Decay::polynomial:
      return std::pow(left, options.polynomial_degree);
    case Decay::constant:
      return 1.0;
    case Decay::cosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(progress, 1.0)));
  }
  return 1.0;
}

}  // namespace

double learning_rate(const ScheduleOptions& options, std::int64_t step) {
  const std::int64_t t = options.form == ScheduleForm::nvidia ? step + 1 : step;
  if (t < options.warmup_steps) {
    return options.peak_rate * static_cast<double>(t) / static_cast<double>(options.warmup_steps);
  }
  const double progress = options.total_steps > 0
                              ? static_cast<double>(t) / static_cast<double>(options.total_steps)
                              : 0.0;
  return options.end_rate +
         (options.peak_rate - options.end_rate) * decay_factor(options, progress);
}

}  // namespace bertyard
