// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace bertyard {

// Bytes of this machine, or of what a container or a batch system lets this process take of it
// where that is less.
std::size_t host_memory_limit();

// The least memory.max of the cgroup that `own` names and of those above it, below `root`; the
// greatest number where none sets one. `own` is what /proc/self/cgroup holds: "0::/slurm/job_12" of
// cgroup v2; v1 is not read.
std::size_t cgroup_memory_limit(const std::filesystem::path& root, const std::string& own);

}  // namespace bertyard
