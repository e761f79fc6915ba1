// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/host_file.h"

#include <charconv>
#include <fstream>
#include <numeric>
#include <sstream>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr int kMostSlots = 100000;

// "slots=8" to 8; 0 where it is no number within the bounds.
int slots_in(std::string_view text) {
  int slots = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slots);
  const bool is_good = error == std::errc() && end == text.data() + text.size();
  return is_good && slots <= kMostSlots ? slots : 0;
}

}  // namespace

std::vector<HostSlots> read_host_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) {
    throw UsageError(fmt::format("launch: the host file '{}' cannot be read", path.string()));
  }
  std::vector<HostSlots> hosts;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    HostSlots entry;
    if (!(words >> entry.host)) continue;
    for (std::string word; words >> word;) {
      const bool is_slots = word.starts_with("slots=");
      if (is_slots) entry.slots = slots_in(std::string_view(word).substr(6));
      if (!is_slots || entry.slots < 1) {
        throw UsageError(fmt::format(
            "{}:{}: error: '{}', expected a host and how many ranks it takes: {} slots=8",
            path.string(), number, word, entry.host));
      }
    }
    hosts.push_back(entry);
  }
  if (!hosts.empty()) return hosts;
  throw UsageError(fmt::format(
      "launch: no host stands in '{}'; expected lines such as: gpu-n1 slots=8", path.string()));
}

std::string host_file_text(const std::vector<HostSlots>& hosts) {
  std::string text;
  for (const HostSlots& entry : hosts) {
    text += fmt::format("{} slots={}\n", entry.host, entry.slots);
  }
  return text;
}

int slots_of(const std::vector<HostSlots>& hosts) {
  return std::accumulate(hosts.begin(), hosts.end(), 0,
                         [](int sum, const HostSlots& entry) { return sum + entry.slots; });
}

}  // namespace bertyard
