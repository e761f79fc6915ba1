// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace bertyard {

// Where the threads of a ThreadGroup meet. fail() wakes everyone who waits, now or later, with an
// Error, so that one failed rank does not leave the others waiting for ever.
class ThreadRendezvous {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ThreadRendezvous(int size);

  // Returns true when all ranks have come to this rank's meeting, false when `deadline` passed
  // first.
  bool meet(int rank, Clock::time_point deadline);
  void meet(int rank);
  void fail(const std::string& reason);
  // The ranks that have not come to the latest meeting.
  std::vector<int> missing() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> arrivals_;  // by rank
  std::string failure_;
};

}  // namespace bertyard
