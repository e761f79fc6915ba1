// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/base/spans.h"
#include "parallel/pending.h"

namespace bertyard {

// Where the time of some steps of a rank goes, as a Chrome trace: spans of the computing thread,
// the sums under way beside them, and checkpoints and evaluations of the whole start. On a GPU it
// waits for the compute stream at both ends of a span, so that a span has the time of its kernels;
// the steps are then slower by what the host would have prepared meanwhile. Borrows the device.
class StepTrace final : public SpanListener {
 public:
  struct Setting {
    int rank = 0;
    std::string host;
    std::int64_t first_step = 0;  // steps of this start before those that are recorded
    std::int64_t steps = 5;
    SpanListener* also = nullptr;  // hears everything too
  };
  StepTrace(const Setting& setting, Device& device);

  void begin(const char* name, std::int64_t index) noexcept override;
  void end() noexcept override;
  // Notes an operation that goes on beside the spans; `name` is a literal. It is over when somebody
  // waits for it or, between two spans, it is found complete.
  Pending follow(const char* name, std::uint64_t bytes, Pending operation);

  // Whether the last of those steps is over; once.
  bool take_complete();
  // Spans that are over, in the JSON object format of chrome://tracing and Perfetto; microseconds
  // since this was made.
  std::string json() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    const char* name = nullptr;
    std::int64_t index = -1;
    std::uint64_t bytes = 0;  // of an operation beside the spans
    Clock::time_point begin = {}, end = {};
    bool is_over = false;
  };
  struct Operation {
    std::shared_ptr<Pending> pending;
    std::size_t event = 0;
  };
  bool is_wanted(const char* name);
  Clock::time_point now() noexcept;
  void look_at_operations();
  double microseconds(Clock::time_point time) const;

  Setting setting_;
  Device& device_;
  Clock::time_point start_ = Clock::now();
  std::int64_t steps_begun_ = 0;
  bool in_step_ = false;  // in one that is recorded
  bool is_taken_ = false;
  std::vector<Event> spans_, operations_;
  std::vector<std::size_t> open_;  // of spans_, or kNothing
  std::vector<Operation> under_way_;
};

// FILE of rank 0 alone; among several ranks "trace.json" becomes "trace.rank-0003.json".
std::filesystem::path trace_file(const std::filesystem::path& file, int rank, int ranks);

}  // namespace bertyard
