// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace bertyard {

// One thread that runs jobs in the order in which they came. All MPI calls of a process go through
// one of these, so that MPI sees a single thread and communication overlaps with computing.
class JobQueue {
 public:
  JobQueue();
  // Drops the jobs not yet begun and waits for the one under way.
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // The future carries what the job throws.
  std::future<void> submit(std::function<void()> job);
  // Submits and waits; throws what the job throws.
  void run(std::function<void()> job) { submit(std::move(job)).get(); }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::packaged_task<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace bertyard
