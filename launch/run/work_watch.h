// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launch/run/io_signs.h"
#include "parallel/control_plane.h"
#include "parallel/pulse.h"
#include "parallel/watchdog.h"
#include "train/options.h"

namespace bertyard {

// What watches the ranks of a job that is no training: stages between which all wait for all, in
// each of which a rank has units of work of its own. Progress is a unit that is done, and every
// byte that the process reads or writes, so that a large file or a slow disk is no hang. Where the
// system does not count bytes, units alone have the long limit.
class WorkWatch {
 public:
  struct Setting {
    Interval limit;  // parallel.watchdog.limit; 0: nobody watches
    Interval slow_limit;
    std::vector<std::string> hosts;          // by rank
    std::filesystem::path log_folder;        // made when there is something to say
    std::function<void(int exit_code)> end;  // of the job, from any thread
  };
  // Every rank makes one at the same time.
  WorkWatch(const Setting& setting, ControlPlane& control);
  ~WorkWatch();
  WorkWatch(const WorkWatch&) = delete;
  WorkWatch& operator=(const WorkWatch&) = delete;

  // This rank works from here on.
  void begin(RankPhase phase) noexcept { pulse_.enter(phase); }
  void unit_done() noexcept { pulse_.unit_done(); }
  // This rank's share of the stage is done: it waits for the others.
  void await() noexcept;
  std::uint64_t units() const noexcept { return pulse_.read().units; }

 private:
  std::int64_t stage_ = 0;
  Pulse pulse_;
  std::optional<IoSigns> signs_;
  std::optional<Watchdog> watchdog_;
};

}  // namespace bertyard
