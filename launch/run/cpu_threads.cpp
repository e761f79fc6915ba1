// SPDX-License-Identifier: Apache-2.0
#include "launch/run/cpu_threads.h"

#include <algorithm>

#include <sched.h>
#include <unistd.h>

namespace bertyard {

int cpu_threads(int wanted, int ranks_on_host) {
  if (wanted > 0) return wanted;
  const int online = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
  const int allowed = known ? std::max(1, CPU_COUNT(&mask)) : online;
  if (allowed < online) return allowed;
  return std::max(1, online / std::max(1, ranks_on_host));
}

}  // namespace bertyard
