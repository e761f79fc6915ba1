// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

// Threads of one rank: `wanted`, or where that is 0 this rank's share of the cores: those it is
// bound to, or, where it may run on all, all of them divided by the ranks of this host.
int cpu_threads(int wanted, int ranks_on_host);

}  // namespace bertyard
