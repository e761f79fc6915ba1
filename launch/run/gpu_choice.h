// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/run_config.h"
#include "launch/run/environment.h"

namespace bertyard {

enum class GpuSharing { no, yes };

// Which of the GPUs that rank `local_rank` of a host sees it takes, by number. `seen` has, for each
// rank of the host, the ids of the GPUs that it sees. Ranks that see the same ones take them in
// turn, with GpuSharing::yes from the start again after the last; where the launcher has given each
// its own, that is the first. Throws EnvironmentError where there are too few, and where two ranks
// would have one.
int gpu_of_rank(const std::vector<std::vector<std::string>>& seen, int local_rank,
                GpuSharing sharing);

// The same for this rank of a run; 0 where it is not to compute on GPUs or there are none. Ranks
// share GPUs where parallel.comm is host, or NCCL has been told to let them. Every rank makes this
// call.
int choose_gpu(const RunConfig& config, const ProcessGroup& group);

}  // namespace bertyard
