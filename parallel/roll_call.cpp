// SPDX-License-Identifier: Apache-2.0
#include "parallel/roll_call.h"

#include <chrono>
#include <fstream>
#include <map>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bertyard {
namespace {

namespace fs = std::filesystem;

struct HostCount {
  int expected = 0;
  int here = 0;
};

// The host that alone lacks all the missing ranks; empty: not known.
std::string host_of_missing(const std::map<std::string, HostCount>& hosts, int missing) {
  std::string name;
  int short_by = 0;
  for (const auto& [host, count] : hosts) {
    if (count.expected <= count.here) continue;
    short_by += count.expected - count.here;
    name = name.empty() ? host : "one of several hosts";
  }
  return short_by == missing ? name : "";
}

}  // namespace

fs::path RollCall::file_of(int rank) const {
  return setting_.directory / fmt::format("rank-{:05}", rank);
}

void RollCall::sign() const noexcept {
  std::error_code none;
  fs::create_directories(setting_.directory, none);
  std::ofstream(file_of(setting_.rank)) << setting_.host << ' ' << setting_.local_size << '\n';
}

void RollCall::leave() const noexcept {
  std::error_code none;
  fs::remove(file_of(setting_.rank), none);
  fs::remove(setting_.directory, none);
}

void RollCall::give_up() const noexcept {
  constexpr std::chrono::seconds kLinger{3};
  if (setting_.rank != 0) {
    std::this_thread::sleep_for(kLinger);
    return leave();
  }
  std::error_code none;
  fs::remove_all(setting_.directory, none);
}

std::string RollCall::report(double seconds) const {
  std::error_code unknown;
  const auto signed_at = fs::last_write_time(file_of(setting_.rank), unknown);
  if (unknown) {
    return fmt::format(
        "not all of the {} ranks reached MPI in {:g} s; which are missing is not "
        "known: {} cannot be written",
        setting_.size, seconds, setting_.directory.string());
  }
  const auto oldest = signed_at - std::chrono::duration_cast<fs::file_time_type::duration>(
                                      std::chrono::duration<double>(seconds));
  std::map<std::string, HostCount> hosts;
  std::vector<std::string> missing;
  for (int rank = 0; rank < setting_.size; ++rank) {
    const auto time = fs::last_write_time(file_of(rank), unknown);
    std::ifstream file(file_of(rank));
    std::string host;
    int local_size = 0;
    if (unknown || time < oldest || !(file >> host >> local_size)) {
      missing.push_back(fmt::format("rank {}", rank));
      continue;
    }
    hosts[host].expected = local_size;
    hosts[host].here += 1;
  }
  if (missing.empty()) {
    return fmt::format("all {} ranks reached MPI in {:g} s, but it does not join them",
                       setting_.size, seconds);
  }
  const auto absent = static_cast<int>(missing.size());
  const std::string host = host_of_missing(hosts, absent);
  return fmt::format("{} of {} ranks reached MPI in {:g} s; missing: {}{}", setting_.size - absent,
                     setting_.size, seconds, fmt::join(missing, ", "),
                     host.empty() ? "" : " on " + host);
}

}  // namespace bertyard
