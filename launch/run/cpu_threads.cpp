// SPDX-License-Identifier: Apache-2.0
#include "launch/run/cpu_threads.h"

#include <algorithm>

#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

namespace bertyard {
namespace {

// Those that the host lets the job have at all: a container or a job may have a part of it.
int cpus_of_job() {
  int count = 0;
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) == 0) {
    if (hwloc_topology_load(topology) == 0) {
      count = hwloc_bitmap_weight(hwloc_topology_get_allowed_cpuset(topology));
    }
    hwloc_topology_destroy(topology);
  }
  return count > 0 ? count : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

int share_of_cpus(const CpuShare& share) {
  const int ranks = std::max(1, share.ranks_on_host);
  const bool has_its_own = share.of_rank < share.of_job && share.of_rank * ranks <= share.of_job;
  return std::max(1, has_its_own ? share.of_rank : share.of_job / ranks);
}

int cpu_threads(int wanted, int ranks_on_host) {
  if (wanted > 0) return wanted;
  CpuShare share{.of_job = cpus_of_job(), .ranks_on_host = ranks_on_host};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
  share.of_rank = known ? std::max(1, CPU_COUNT(&mask)) : share.of_job;
  return share_of_cpus(share);
}

}  // namespace bertyard
