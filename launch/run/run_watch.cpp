// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_watch.h"

#include <chrono>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "launch/run/signals.h"

namespace bertyard {
namespace {

RankWatch::Seconds seconds_of(const Interval& time) {
  constexpr double kForever = 1e9;
  return RankWatch::Seconds(time.seconds > 0 ? time.seconds : kForever);
}

// Beside the report on the console, for who comes later. The job is about to end: what cannot be
// written is left out.
void leave_report(const std::filesystem::path& run, const std::string& report) {
  try {
    write_file_atomically(run / "logs" / "watchdog.txt", report + "\n");
    write_file_atomically(run / "STATUS", "failed: " + report + "\n");
  } catch (const Error&) {
    return;
  }
}

}  // namespace

RankWatch::Limits watch_limits(const Interval& limit, const Interval& slow_limit) {
  return {seconds_of(limit), seconds_of(slow_limit)};
}

RunWatch::RunWatch(const Setting& setting, ControlPlane& control, Pulse& pulse)
    : pulse_(pulse),
      folder_(setting.run / "logs" / "flight"),
      owner_{control.rank(), setting.hosts[static_cast<std::size_t>(control.rank())]} {
  if (setting.limit.seconds == 0) return;
  const Watchdog::Setting watchdog{.limits = watch_limits(setting.limit, setting.slow_limit),
                                   .hosts = setting.hosts,
                                   .log_folder = setting.run / "logs"};
  const auto end = [run = setting.run, end = setting.end](const std::string& report) {
    leave_report(run, report);
    end(static_cast<int>(ExitCode::watchdog));
  };
  watchdog_.emplace(watchdog, control, pulse_, end);
}

RunWatch::~RunWatch() {
  StopSignals::note_in(nullptr);
  watchdog_.reset();
  pulse_.enter(RankPhase::end);
  pulse_.record_in(nullptr);
}

// Without a recorder the run is as good as with it.
void RunWatch::record(Logger& log) {
  try {
    make_directories(folder_);
    recorder_.emplace(folder_ / flight_file_name(owner_.rank), owner_);
  } catch (const Error& error) {
    log.warning("{}; the run goes on without it", error.what());
    return;
  }
  pulse_.record_in(&*recorder_);
  pulse_.note("started");
  StopSignals::note_in(&pulse_);
}

}  // namespace bertyard
