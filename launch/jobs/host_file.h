// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bertyard {

// A line of Open MPI's host file: "gpu-n14 slots=8".
struct HostSlots {
  std::string host;
  int slots = 1;
  bool operator==(const HostSlots&) const = default;
};

// Throws UsageError with file and line where a line cannot be understood, or where no host stands
// in the file.
std::vector<HostSlots> read_host_file(const std::filesystem::path& path);
std::string host_file_text(const std::vector<HostSlots>& hosts);
int slots_of(const std::vector<HostSlots>& hosts);

}  // namespace bertyard
