// SPDX-License-Identifier: Apache-2.0
#include "core/base/host_memory_limit.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// Of one cgroup; the greatest number where it sets none ("max", or no such file).
std::size_t limit_of(const fs::path& cgroup) {
  std::size_t bytes = 0;
  std::ifstream file(cgroup / "memory.max");
  return file >> bytes ? bytes : std::numeric_limits<std::size_t>::max();
}

// "MemTotal:       24631516 kB"
std::size_t machine_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    std::size_t kibibytes = 0;
    if (word == "MemTotal:" && file >> kibibytes) return kibibytes << 10;
  }
  return std::numeric_limits<std::size_t>::max();
}

}  // namespace

std::size_t cgroup_memory_limit(const fs::path& root, const std::string& own) {
  std::size_t least = limit_of(root);
  std::istringstream lines(own);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::/")) continue;
    fs::path cgroup = root;
    for (const fs::path& part : fs::path(line.substr(4))) {
      cgroup /= part;
      least = std::min(least, limit_of(cgroup));
    }
  }
  return least;
}

std::size_t host_memory_limit() {
  static const std::size_t bytes = [] {
    std::ifstream file("/proc/self/cgroup");
    const std::string own(std::istreambuf_iterator<char>(file), {});
    return std::min(machine_memory(), cgroup_memory_limit("/sys/fs/cgroup", own));
  }();
  return bytes;
}

}  // namespace bertyard
