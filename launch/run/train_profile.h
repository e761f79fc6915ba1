// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/base/log.h"
#include "core/base/spans.h"
#include "launch/run/environment.h"
#include "train/step_trace.h"
#include "train/traced_communicator.h"

namespace bertyard {

// Who hears of what a run's steps are made of: NVIDIA's profilers in a build with CUDA, and the
// trace of `train --profile FILE`, of five steps after three that warm up. Borrows the device.
class TrainProfile {
 public:
  // An empty `file`: no trace. Else it is written here for the first time, before anything is
  // trained; throws IoError where it cannot be.
  TrainProfile(const std::string& file, const ProcessGroup& group, Device& device,
               std::int64_t total_steps);

  SpanListener* spans();  // null: nobody
  bool traces() const { return trace_.has_value(); }
  // `devices`, or something around it that the trace hears of; it must live until the last step.
  Communicator& watched(Communicator& devices);

  // After each step, and at the end with what has come since: where the file cannot be written, a
  // warning.
  void step_done(Logger& log);
  void finish(Logger& log);

 private:
  void write(Logger& log) const;

  std::unique_ptr<SpanListener> ranges_;
  std::filesystem::path file_;
  std::optional<StepTrace> trace_;
  std::optional<TracedCommunicator> communicator_;
};

}  // namespace bertyard
