// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "parallel/wrapped_communicator.h"
#include "train/step_trace.h"

namespace bertyard {

// Another communicator whose operations a trace follows. Borrows both.
class TracedCommunicator final : public WrappedCommunicator {
 public:
  TracedCommunicator(Communicator& inner, StepTrace& trace)
      : WrappedCommunicator(inner), trace_(trace) {}

 private:
  Pending after(const char* name, std::uint64_t bytes, Pending started) override {
    return trace_.follow(name, bytes, std::move(started));
  }

  StepTrace& trace_;
};

}  // namespace bertyard
