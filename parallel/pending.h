// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>

namespace bertyard {

// An operation under way. The memory it works on belongs to it until wait() returns. Destroying
// a Pending neither waits nor communicates: the operation goes on without it.
class Pending {
 public:
  // Nothing left to wait for.
  Pending() = default;
  explicit Pending(std::future<void> operation) : operation_(std::move(operation)) {}
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) noexcept = default;

  // Blocks until the operation is complete on this rank; throws what it threw. A second call
  // returns at once.
  void wait();
  bool complete() const;

 private:
  std::future<void> operation_;
};

}  // namespace bertyard
