// SPDX-License-Identifier: Apache-2.0
#include "parallel/thread_rendezvous.h"

#include <algorithm>

#include "core/base/error.h"

namespace bertyard {

ThreadRendezvous::ThreadRendezvous(int size) : arrivals_(static_cast<std::size_t>(size), 0) {}

bool ThreadRendezvous::meet(int rank, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t meeting = ++arrivals_[static_cast<std::size_t>(rank)];
  changed_.notify_all();
  const auto all_here = [&] {
    return *std::min_element(arrivals_.begin(), arrivals_.end()) >= meeting;
  };
  const auto over = [&] { return all_here() || !failure_.empty(); };
  if (deadline == Clock::time_point::max()) {
    changed_.wait(lock, over);
  } else if (!changed_.wait_until(lock, deadline, over)) {
    return false;
  }
  if (all_here()) return true;
  throw Error("thread group: " + failure_);
}

void ThreadRendezvous::meet(int rank) {
  meet(rank, Clock::time_point::max());
}

void ThreadRendezvous::fail(const std::string& reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (failure_.empty()) failure_ = reason;
  }
  changed_.notify_all();
}

std::vector<int> ThreadRendezvous::missing() const {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t latest = *std::max_element(arrivals_.begin(), arrivals_.end());
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < arrivals_.size(); ++rank) {
    if (arrivals_[rank] < latest) ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

}  // namespace bertyard
