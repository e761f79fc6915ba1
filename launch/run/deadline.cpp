// SPDX-License-Identifier: Apache-2.0
#include "launch/run/deadline.h"

namespace bertyard {

Deadline::Deadline(std::chrono::duration<double> limit,
                   std::function<void(const std::string&)> expired)
    : limit_(limit), expired_(std::move(expired)), stage_("start") {
  thread_ = std::thread([this] { watch(); });
}

Deadline::~Deadline() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Deadline::begin(const std::string& stage) {
  {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    ++stages_;
  }
  changed_.notify_all();
}

void Deadline::watch() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    const int stage = stages_;
    const bool moved = changed_.wait_for(lock, limit_, [&] { return over_ || stages_ != stage; });
    if (moved) continue;
    const std::string name = stage_;
    lock.unlock();
    return expired_(name);
  }
}

}  // namespace bertyard
