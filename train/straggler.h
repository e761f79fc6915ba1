// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/rank_phase.h"
#include "train/watch_options.h"

namespace bertyard {

// A rank that others wait for.
struct Straggler {
  int rank = 0;
  double ratio = 1;                      // its own work over the median of the others'
  RankPhase phase = RankPhase::forward;  // in which it loses most
  double seconds = 0;                    // of that phase, a step
  double median_seconds = 0;             // of the others
};

// Times of a rank's own work by phase; waiting for others is not counted.
using PhaseSeconds = std::array<double, static_cast<std::size_t>(RankPhase::end)>;

// Of each rank's times [rank][phase], those above `ratio`; a pure function.
std::vector<Straggler> find_stragglers(const std::vector<PhaseSeconds>& ranks, double ratio);

// Adds up where a rank's time goes; every so many steps the ranks compare.
class PhaseTimes {
 public:
  explicit PhaseTimes(const StragglerOptions& options) : options_(options) {}

  // From now on time belongs to `phase`.
  void enter(RankPhase phase);
  // At the end of a step, on every rank: the slow ranks, the same on all; empty between times. A
  // rank is named once in ten comparisons unless its phase changes.
  std::vector<Straggler> compare(std::int64_t step, Communicator& communicator);

 private:
  using Clock = std::chrono::steady_clock;
  struct Named {
    int rank = 0;
    RankPhase phase = RankPhase::start;
    std::int64_t comparison = 0;
  };
  bool named_lately(const Straggler& straggler);

  StragglerOptions options_;
  PhaseSeconds seconds_{};
  RankPhase phase_ = RankPhase::start;
  Clock::time_point since_ = Clock::now();
  std::int64_t steps_ = 0;
  std::int64_t comparisons_ = 0;
  std::vector<Named> named_;
};

}  // namespace bertyard
