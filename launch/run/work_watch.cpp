// SPDX-License-Identifier: Apache-2.0
#include "launch/run/work_watch.h"

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "launch/run/run_watch.h"

namespace bertyard {
namespace {

// The job is about to end: what cannot be written is left out.
void leave_report(const std::filesystem::path& file, const std::string& report) {
  try {
    write_file_atomically(file, report + "\n");
  } catch (const Error&) {
    return;
  }
}

}  // namespace

WorkWatch::WorkWatch(const Setting& setting, ControlPlane& control) {
  if (setting.limit.seconds == 0) return;
  const bool counts_bytes = IoSigns::are_counted();
  Watchdog::Setting watchdog{.limits = watch_limits(setting.limit, setting.slow_limit),
                             .hosts = setting.hosts,
                             .log_folder = setting.log_folder};
  if (!counts_bytes) watchdog.limits.limit = watchdog.limits.slow_limit;
  const auto end = [folder = setting.log_folder, end = setting.end](const std::string& report) {
    leave_report(folder / "watchdog.txt", report);
    end(static_cast<int>(ExitCode::watchdog));
  };
  if (counts_bytes) signs_.emplace([this] { pulse_.tick(); });
  watchdog_.emplace(watchdog, control, pulse_, end);
}

WorkWatch::~WorkWatch() {
  watchdog_.reset();
  signs_.reset();
}

// A rank that waits is further than those that work, so that none of these hides behind it.
void WorkWatch::await() noexcept {
  pulse_.step_done(++stage_);
  pulse_.enter(RankPhase::wait);
}

}  // namespace bertyard
