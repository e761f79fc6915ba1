// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

struct CpuShare {
  int of_rank = 1;  // CPUs that the launcher left this process
  int of_job = 1;   // that the host, a container or a batch system lets the job have here
  int ranks_on_host = 1;
};

// Those that a rank is bound to; where these are all of the job's, or so many that other ranks of
// this host must share them, the job's divided by the ranks.
int share_of_cpus(const CpuShare& share);

// Threads of one rank: `wanted`, or where that is 0 its share of the CPUs.
int cpu_threads(int wanted, int ranks_on_host);

}  // namespace bertyard
