// SPDX-License-Identifier: Apache-2.0
#include "launch/run/train_profile.h"

#include <algorithm>

#include "core/backend/profiler_ranges.h"
#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"

namespace bertyard {

TrainProfile::TrainProfile(const std::string& file, const ProcessGroup& group, Device& device,
                           std::int64_t total_steps)
    : ranges_(make_profiler_ranges()) {
  if (file.empty()) return;
  StepTrace::Setting setting;
  setting.rank = group.rank();
  setting.host = group.hosts[static_cast<std::size_t>(group.rank())];
  setting.first_step = std::clamp<std::int64_t>(total_steps - setting.steps, 0, 3);
  setting.also = ranges_.get();
  file_ = trace_file(file, group.rank(), group.size());
  trace_.emplace(setting, device);
  if (file_.has_parent_path()) make_directories(file_.parent_path());
  write_file_atomically(file_, trace_->json());
}

SpanListener* TrainProfile::spans() {
  return trace_ ? static_cast<SpanListener*>(&*trace_) : ranges_.get();
}

Communicator& TrainProfile::watched(Communicator& devices) {
  if (!trace_) return devices;
  return communicator_.emplace(devices, *trace_);
}

void TrainProfile::write(Logger& log) const {
  try {
    write_file_atomically(file_, trace_->json());
  } catch (const IoError& error) {
    log.warning("the profile is lost, training goes on: {}", error.what());
  }
}

void TrainProfile::step_done(Logger& log) {
  if (trace_ && trace_->take_complete()) write(log);
}

void TrainProfile::finish(Logger& log) {
  if (trace_) write(log);
}

}  // namespace bertyard
