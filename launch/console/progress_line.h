// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "data/prepare/prepare.h"

namespace bertyard {

// Shows how far a long job is, on standard error: one line drawn again where that is a terminal,
// otherwise a line now and then. Rate and time left are of all processes, told from this one's.
class ProgressLine {
 public:
  ProgressLine(int world, bool is_terminal) : world_(world), is_terminal_(is_terminal) {}
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const PrepareProgress& progress);
  // Ends a line that is being drawn.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  int world_;
  bool is_terminal_;
  std::string stage_;
  Clock::time_point stage_begin_{};
  Clock::time_point last_{};
  bool is_open_ = false;
};

// "text  45.0%  23.4 MB/s  12 s left"; the amounts of all processes.
std::string progress_text(const PrepareProgress& progress, double seconds, int world);

}  // namespace bertyard
