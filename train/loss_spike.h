// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "train/watch_options.h"

namespace bertyard {

// Tells a loss that is far above the last ones. What it remembers is part of a run's state: the
// same losses give the same answers, on every rank and after every resume.
class LossSpike {
 public:
  explicit LossSpike(const SpikeOptions& options) : options_(options) {}

  bool wanted() const { return options_.rule != SpikeRule::none; }
  // Whether `loss` is above factor times the mean of the window; never before the window is full.
  bool is_spike(double loss) const;
  // Of a step whose update was applied.
  void remember(double loss);

  const std::vector<double>& losses() const { return losses_; }  // oldest first
  void restore(const std::vector<double>& losses) { losses_ = losses; }

 private:
  SpikeOptions options_;
  std::vector<double> losses_;
};

}  // namespace bertyard
