// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "parallel/control_plane.h"
#include "parallel/flight_recorder.h"
#include "parallel/pulse.h"
#include "parallel/watchdog.h"
#include "train/options.h"

namespace bertyard {

// An interval of 0 is no limit.
RankWatch::Limits watch_limits(const Interval& limit, const Interval& slow_limit);

// What watches a rank of a run: its pulse, the recorder of its last events and the watchdog. Every
// rank makes one at the same time, once the run directory is there.
class RunWatch {
 public:
  struct Setting {
    std::filesystem::path run;  // the run directory
    Interval limit;
    Interval slow_limit;
    std::vector<std::string> hosts;          // by rank
    std::function<void(int exit_code)> end;  // of the job, from any thread
  };
  // Borrows `pulse`.
  RunWatch(const Setting& setting, ControlPlane& control, Pulse& pulse);
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  // Writes the rank's events from here on: once nothing of the start can be refused any more.
  void record(Logger& log);

 private:
  Pulse& pulse_;
  std::filesystem::path folder_;
  FlightRecorder::Owner owner_;
  std::optional<FlightRecorder> recorder_;
  std::optional<Watchdog> watchdog_;
};

}  // namespace bertyard
