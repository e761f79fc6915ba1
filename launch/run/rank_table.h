// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/run/environment.h"

namespace bertyard {

// Every rank's host, process id and device, a line each, as logs/ranks.txt has them. Every rank
// makes this call, within the control plane's time limit.
std::string gather_rank_table(ProcessGroup& group, const std::string& device);

// "0-3 on n1, 4-7 on n2"
std::string ranks_on_hosts(const std::vector<std::string>& hosts);

}  // namespace bertyard
