// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/pulse.h"
#include "parallel/wrapped_communicator.h"

namespace bertyard {

// Another communicator whose every collective is counted and recorded by a pulse. Borrows both.
class NotedCommunicator final : public WrappedCommunicator {
 public:
  NotedCommunicator(Communicator& inner, Pulse& pulse)
      : WrappedCommunicator(inner), pulse_(pulse) {}

 private:
  void before(const char* name, std::uint64_t bytes) override { pulse_.collective(name, bytes); }

  Pulse& pulse_;
};

}  // namespace bertyard
