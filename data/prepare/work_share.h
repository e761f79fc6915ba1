// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace bertyard {

// The part of the units of work that this process does: number rank, rank + world, ...
struct WorkShare {
  int rank = 0;
  int world = 1;

  std::vector<std::size_t> of(std::size_t units) const {
    std::vector<std::size_t> mine;
    for (auto i = static_cast<std::size_t>(rank); i < units; i += static_cast<std::size_t>(world)) {
      mine.push_back(i);
    }
    return mine;
  }
};

}  // namespace bertyard
