// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "parallel/flight_recorder.h"
#include "parallel/rank_phase.h"

namespace bertyard {

// Where this rank is: written by the threads that work, read by the one that sends heartbeats.
// A call costs a few stores; everything also goes to the flight recorder where there is one.
class Pulse {
 public:
  struct Reading {
    std::int64_t step = 0;         // steps done, or stages
    std::uint64_t collective = 0;  // collectives begun
    std::uint64_t ticks = 0;       // changes with every sign of progress
    RankPhase phase = RankPhase::start;
    std::uint64_t units = 0;  // of work done, where ranks have shares of their own
    bool operator==(const Reading&) const = default;
  };

  // The recorder must outlive the pulse.
  void record_in(FlightRecorder* recorder) { recorder_ = recorder; }

  void enter(RankPhase phase) noexcept;
  void tick() noexcept { ticks_.fetch_add(1, std::memory_order_relaxed); }
  void step_done(std::int64_t step) noexcept;
  void unit_done() noexcept;
  void collective(std::string_view name, std::uint64_t bytes) noexcept;
  void note(std::string_view text) noexcept;
  // From a signal handler.
  void signal(int number) noexcept;

  Reading read() const noexcept;

 private:
  void record(FlightKind kind, std::uint64_t amount, std::string_view text) noexcept;

  std::atomic<std::int64_t> step_{0};
  std::atomic<std::uint64_t> collective_{0};
  std::atomic<std::uint64_t> units_{0};
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<RankPhase> phase_{RankPhase::start};
  FlightRecorder* recorder_ = nullptr;
};

}  // namespace bertyard
