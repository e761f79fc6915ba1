// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace bertyard {

// Says that this process goes on as long as its reading and writing does, by the bytes that Linux
// counts for it. Its own thread looks several times a second.
class IoSigns {
 public:
  // Whether the system counts them (/proc/self/io).
  static bool are_counted();

  // `moved` is called on that thread, each time that bytes have moved since the last look.
  explicit IoSigns(std::function<void()> moved);
  ~IoSigns();
  IoSigns(const IoSigns&) = delete;
  IoSigns& operator=(const IoSigns&) = delete;

 private:
  void work();

  std::function<void()> moved_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace bertyard
