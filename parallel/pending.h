// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <future>

namespace bertyard {

// An operation under way. The memory it works on belongs to it until wait() returns. Destroying
// a Pending neither waits nor communicates: the operation goes on without it.
class Pending {
 public:
  // Nothing left to wait for.
  Pending() = default;
  explicit Pending(std::future<void> operation) : operation_(std::move(operation)) {}
  // `wait` is called once, by the first wait().
  Pending(std::function<void()> wait, std::function<bool()> complete)
      : wait_(std::move(wait)), complete_(std::move(complete)) {}
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) noexcept = default;

  // Returns when the operation is complete on this rank; throws what it threw. Where the memory is
  // a GPU's it returns when later work on the device's compute stream is ordered behind the
  // operation, and the host has not waited for it. A second call returns at once.
  void wait();
  bool complete() const;

 private:
  std::future<void> operation_;
  std::function<void()> wait_;
  std::function<bool()> complete_;
};

}  // namespace bertyard
