// SPDX-License-Identifier: Apache-2.0
#include "parallel/control_plane.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

template <typename Call>
auto ControlPlane::guarded(std::string_view what, const Call& call) {
  if (!expired_.empty()) {
    throw EnvironmentError(fmt::format(
        "control plane: '{}' cannot be agreed on: the ranks are out of step since '{}' failed",
        what, expired_));
  }
  try {
    return call();
  } catch (const Error&) {
    expired_ = what;
    throw;
  }
}

std::int64_t ControlPlane::agree_max(std::string_view what, std::int64_t value) {
  return guarded(what, [&] { return max_over_ranks(what, value, time_limit_); });
}

std::int64_t ControlPlane::agree_min(std::string_view what, std::int64_t value) {
  // ~v reverses the order and, unlike -v, cannot overflow.
  return ~guarded(what, [&] { return max_over_ranks(what, ~value, time_limit_); });
}

std::vector<int> ControlPlane::ranks_that_differ(std::string_view what, std::string_view value) {
  const std::vector<std::string> values = all_gather_strings(what, value);
  std::map<std::string_view, int> counts;
  for (const std::string& text : values) ++counts[text];
  const auto usual = std::max_element(
      values.begin(), values.end(),
      [&](const std::string& a, const std::string& b) { return counts[a] < counts[b]; });
  std::vector<int> odd;
  for (int rank = 0; rank < size_; ++rank) {
    if (values[static_cast<std::size_t>(rank)] != *usual) odd.push_back(rank);
  }
  return odd;
}

std::string ControlPlane::broadcast_string(std::string_view what, std::string_view value) {
  return all_gather_strings(what, rank_ == 0 ? value : std::string_view()).front();
}

std::vector<std::string> ControlPlane::gather_strings(std::string_view what,
                                                      std::string_view value) {
  std::vector<std::string> all = all_gather_strings(what, value);
  return rank_ == 0 ? all : std::vector<std::string>();
}

std::vector<std::string> ControlPlane::all_gather_strings(std::string_view what,
                                                          std::string_view value) {
  return guarded(what, [&] { return strings_of_ranks(what, value, time_limit_); });
}

void ControlPlane::barrier(std::string_view what, Seconds limit) {
  guarded(what, [&] { wait_for_all(what, limit); });
}

void ControlPlane::throw_expired(std::string_view what, Seconds limit,
                                 const std::vector<std::string>& missing) const {
  if (missing.empty()) {
    throw EnvironmentError(fmt::format(
        "control plane: not all of {} ranks reached '{}' in {:g} s; one of them is dead, hung or "
        "late: see rank 0's message and the other ranks' logs",
        size_, what, limit.count()));
  }
  throw EnvironmentError(fmt::format(
      "control plane: {} of {} ranks reached '{}' in {:g} s; missing: {}; see their logs and hosts",
      size_ - static_cast<int>(missing.size()), size_, what, limit.count(),
      fmt::join(missing, ", ")));
}

std::int64_t SingleControlPlane::max_over_ranks(std::string_view /*what*/, std::int64_t value,
                                                Seconds /*limit*/) {
  return value;
}

std::vector<std::string> SingleControlPlane::strings_of_ranks(std::string_view /*what*/,
                                                              std::string_view value,
                                                              Seconds /*limit*/) {
  return {std::string(value)};
}

void SingleControlPlane::wait_for_all(std::string_view /*what*/, Seconds /*limit*/) {}

}  // namespace bertyard
