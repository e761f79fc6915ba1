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

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// Of one cgroup; the greatest number where it sets none ("max", or no such file).
std::size_t limit_of(const fs::path& cgroup) {
  std::size_t bytes = 0;
  std::ifstream file(cgroup / "memory.max");
  return file >> bytes ? bytes : kNoLimit;
}

}  // namespace

std::optional<std::size_t> proc_bytes(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::size_t kibibytes = 0;
    if (!line.starts_with(name)) continue;
    if (std::istringstream(line.substr(name.size())) >> kibibytes) return kibibytes << 10;
  }
  return std::nullopt;
}

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
    return std::min(proc_bytes("/proc/meminfo", "MemTotal:").value_or(kNoLimit),
                    cgroup_memory_limit("/sys/fs/cgroup", own));
  }();
  return bytes;
}

}  // namespace bertyard
