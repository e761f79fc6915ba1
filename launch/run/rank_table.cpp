// SPDX-License-Identifier: Apache-2.0
#include "launch/run/rank_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "parallel/agreement.h"

namespace bertyard {

std::string gather_rank_table(ProcessGroup& group, const std::string& device) {
  const std::string own = fmt::format("{:>8}  {}", getpid(), device);
  const std::vector<std::string> rows = group.control->all_gather_strings("table of ranks", own);
  std::string table = fmt::format("{:>6}  {:<24} {:>8}  device\n", "rank", "host", "pid");
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    table += fmt::format("{:>6}  {:<24} {}\n", rank, group.hosts[rank], rows[rank]);
  }
  return table;
}

std::string ranks_on_hosts(const std::vector<std::string>& hosts) {
  std::vector<std::string> order = hosts;
  const auto last = std::unique(order.begin(), order.end());
  order.erase(last, order.end());
  std::vector<std::string> parts;
  std::vector<std::string> seen;
  for (const std::string& host : order) {
    if (std::find(seen.begin(), seen.end(), host) != seen.end()) continue;
    seen.push_back(host);
    std::vector<int> ranks;
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
      if (hosts[rank] == host) ranks.push_back(static_cast<int>(rank));
    }
    parts.push_back(fmt::format("{} on {}", rank_list(ranks), host));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace bertyard
