// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "train/options.h"

namespace bertyard {

// What a step does whose loss is above `factor` times the mean of the last `window` ones.
enum class SpikeRule {
  none,
  skip,      // leave its update out
  rollback,  // back to the newest checkpoint, and on with the samples after this step's
};
struct SpikeOptions {
  SpikeRule rule = SpikeRule::none;
  double factor = 2;
  std::int64_t window = 100;
  bool operator==(const SpikeOptions&) const = default;
};

// When a rank counts as slow: every so many steps, by the time of its own work over the median.
struct StragglerOptions {
  Interval every{100, 0};
  double ratio = 1.3;
  bool operator==(const StragglerOptions&) const = default;
};

// What a run watches itself for, and how much of it is too much.
struct WatchOptions {
  Interval limit{0, 300};              // of a rank's silence or standstill: parallel/watchdog.h
  Interval slow_limit{0, 1800};        // at start-up, in a checkpoint, in an evaluation
  Interval compare_replicas{1000, 0};  // steps only: hashes of the ranks' weights
  StragglerOptions straggler;
  SpikeOptions spike;
  std::int64_t max_skipped = 10;  // updates in a row that were left out; then the run ends
  int max_failed_saves = 3;       // likewise
  bool operator==(const WatchOptions&) const = default;
};

}  // namespace bertyard
