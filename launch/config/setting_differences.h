// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace bertyard {

// What decided a result, as text by key: keys of the configuration, and hashes of data and weights.
using Origins = std::map<std::string, std::string>;

// "task.limit was 0, is 20", for every key that differs. One that is named on one side alone has
// its default on the other, or is absent there.
std::vector<std::string> setting_differences(const Origins& before, const Origins& now);

}  // namespace bertyard
