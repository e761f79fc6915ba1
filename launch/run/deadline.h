// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace bertyard {

// Watches over work that may hang, stage by stage: when a stage lasts longer than the limit,
// `expired` is called with its name, once, on another thread.
class Deadline {
 public:
  Deadline(std::chrono::duration<double> limit, std::function<void(const std::string&)> expired);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void begin(const std::string& stage);

 private:
  void watch();

  std::chrono::duration<double> limit_;
  std::function<void(const std::string&)> expired_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string stage_;
  int stages_ = 0;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace bertyard
