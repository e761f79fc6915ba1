// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// Small agreements between the ranks: stop? skip? which checkpoint? Every rank makes the same calls
// in the same order; `what` names the decision in messages ("start-up", "stop at step 12"). A call
// that other ranks do not join within the time limit throws EnvironmentError, and every later call
// does too, for the ranks are then out of step.
class ControlPlane {
 public:
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds kDefaultTimeLimit{600};

  ControlPlane(int rank, int size) : rank_(rank), size_(size) {}
  virtual ~ControlPlane() = default;
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  // The limit of every call but barrier().
  void set_time_limit(Seconds limit) { time_limit_ = limit; }

  // The greatest and the least of the ranks' values, on every rank.
  std::int64_t agree_max(std::string_view what, std::int64_t value);
  std::int64_t agree_min(std::string_view what, std::int64_t value);
  // The ranks whose value is not the one that most ranks have (of two as frequent, the one of the
  // lower rank counts), ascending and the same on every rank. Empty: all agree.
  std::vector<int> ranks_that_differ(std::string_view what, std::string_view value);
  // Rank 0's text, on every rank; the other ranks' argument is not used.
  std::string broadcast_string(std::string_view what, std::string_view value);
  // Every rank's text in the order of the ranks, on rank 0; nothing on the others.
  std::vector<std::string> gather_strings(std::string_view what, std::string_view value);
  std::vector<std::string> all_gather_strings(std::string_view what, std::string_view value);
  // Rank 0's message names the ranks that did not come.
  void barrier(std::string_view what, Seconds limit);

 protected:
  // Every time limit's error: what was waited for, how long, and who is missing where that is
  // known.
  [[noreturn]] void throw_expired(std::string_view what, Seconds limit,
                                  const std::vector<std::string>& missing) const;

 private:
  virtual std::int64_t max_over_ranks(std::string_view what, std::int64_t value, Seconds limit) = 0;
  virtual std::vector<std::string> strings_of_ranks(std::string_view what, std::string_view value,
                                                    Seconds limit) = 0;
  virtual void wait_for_all(std::string_view what, Seconds limit) = 0;
  template <typename Call>
  auto guarded(std::string_view what, const Call& call);

  int rank_;
  int size_;
  Seconds time_limit_ = kDefaultTimeLimit;
  std::string expired_;  // what the failed call was for; empty while all is well
};

// A run of one rank agrees with itself.
class SingleControlPlane final : public ControlPlane {
 public:
  SingleControlPlane() : ControlPlane(0, 1) {}

 private:
  std::int64_t max_over_ranks(std::string_view what, std::int64_t value, Seconds limit) override;
  std::vector<std::string> strings_of_ranks(std::string_view what, std::string_view value,
                                            Seconds limit) override;
  void wait_for_all(std::string_view what, Seconds limit) override;
};

}  // namespace bertyard
