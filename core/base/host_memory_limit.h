// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace bertyard {

// Bytes of this machine, or of what a container or a batch system lets this process take of it
// where that is less.
std::size_t host_memory_limit();

// Of a file in /proc with lines such as "MemTotal:  24631516 kB": the bytes behind `name`, with its
// colon; nothing where there is no such line.
std::optional<std::size_t> proc_bytes(const char* file, std::string_view name);

// The least memory.max of the cgroup that `own` names and of those above it, below `root`; the
// greatest number where none sets one. `own` is what /proc/self/cgroup holds: "0::/slurm/job_12" of
// cgroup v2; v1 is not read.
std::size_t cgroup_memory_limit(const std::filesystem::path& root, const std::string& own);

}  // namespace bertyard
