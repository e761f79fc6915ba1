// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "parallel/pulse.h"

namespace bertyard {

// Judges the ranks of a run by their heartbeats: who went silent, who goes no further while the
// others wait. Knows neither sockets nor clocks, and keeps no opinion of a rank that was never
// heard.
class RankWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  struct Limits {
    Seconds limit{300};        // without a heartbeat, or without progress
    Seconds slow_limit{1800};  // without progress in a phase that may take long
  };
  struct Finding {
    enum class Kind { silent, stuck } kind = Kind::silent;
    int rank = 0;
    double seconds = 0;  // of silence, or without progress
    Pulse::Reading last;
  };

  RankWatch(int ranks, const Limits& limits);

  void heard(int rank, const Pulse::Reading& reading, Clock::time_point now);
  // The watching process itself was held up: what it did not hear meanwhile says nothing.
  void forgive(Clock::time_point now);
  std::vector<Finding> judge(Clock::time_point now) const;
  // Ranks never heard of.
  std::vector<int> unheard() const;

 private:
  struct Rank {
    bool known = false;
    Pulse::Reading reading;
    Clock::time_point heard;
    Clock::time_point progress;
  };
  std::vector<Finding> silent_ranks(Clock::time_point now) const;
  std::vector<Finding> stuck_ranks(Clock::time_point now) const;
  Seconds allowance(const Rank& rank) const;

  Limits limits_;
  std::vector<Rank> ranks_;
};

}  // namespace bertyard
