// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "parallel/control_plane.h"

namespace bertyard {

// Looks after asynchronous collectives from a thread of its own: `failure` says what the library
// reports (empty: all is well), and collectives that are added are watched until they are done or
// overdue. At the first trouble the thread calls `abort`, keeps the reason and ends. The three
// functions run on that thread.
class CollectiveWatch {
 public:
  using Clock = std::chrono::steady_clock;
  CollectiveWatch(ControlPlane::Seconds limit, std::function<std::string()> failure,
                  std::function<void()> abort);
  // Ends the thread. What is under way is watched no more.
  ~CollectiveWatch();
  CollectiveWatch(const CollectiveWatch&) = delete;
  CollectiveWatch& operator=(const CollectiveWatch&) = delete;

  // `done` is called from the thread; true ends the watch over this collective.
  void add(std::string what, std::function<bool()> done);
  // Throws EnvironmentError with the reason when there was trouble.
  void check() const;
  bool failed() const;

 private:
  struct Collective {
    std::string what;
    std::function<bool()> done;
    Clock::time_point deadline;
  };
  void work();
  std::string trouble();

  ControlPlane::Seconds limit_;
  std::function<std::string()> failure_;
  std::function<void()> abort_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Collective> collectives_;
  std::string reason_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace bertyard
