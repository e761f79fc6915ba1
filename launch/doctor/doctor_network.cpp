// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;
using Grade = Finding::Grade;

// The fastest of some sums over the ranks, in seconds. Every rank makes the same number.
double fastest_sum(std::size_t count, int rounds, ProcessGroup& group) {
  std::vector<float> values(count, 1.0F);
  double fastest = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const Clock::time_point start = Clock::now();
    group.communicator->all_reduce_sum(view_of(std::span<float>(values))).wait();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return fastest;
}

}  // namespace

Findings test_network(ProcessGroup& group) {
  const int size = group.size();
  if (size == 1) return {{Grade::ok, "network", "one rank needs none", ""}};
  constexpr std::size_t kFloats = std::size_t{4} << 20;
  const double small = fastest_sum(2, 20, group);
  const double large = fastest_sum(kFloats, 3, group);
  // What a link carries in a ring: 2 (n - 1) / n of the buffer.
  const double rate = 2.0 * (size - 1) / size * kFloats * sizeof(float) / large / 1e6;
  const std::size_t hosts = std::set<std::string>(group.hosts.begin(), group.hosts.end()).size();
  const std::string text =
      fmt::format("all-reduce of 8 bytes {:.3f} ms, of 16 MiB {:.0f} MB/s bus", small * 1e3, rate);
  constexpr double kSlow = 100;  // about 1 Gbit/s
  if (hosts == 1 || rate >= kSlow) return {{Grade::ok, "network", text, ""}};
  return {{Grade::warning, "network", text + ": slow between hosts",
           "name the fast network: OMPI_MCA_btl_tcp_if_include, UCX_NET_DEVICES"}};
}

}  // namespace bertyard
