// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/config/config.h"

namespace bertyard {

struct CheckVerbOptions {
  ConfigRequest request;
  int ranks = 1;
  std::string gpu = {};  // "h100": as if on such a card; empty: on what there is
};

// `bertyard check`: everything that can be known before a run: paths, shards, shapes, capacities,
// memory a rank, and whether the first step can be shared out over `ranks`. A GPU need not be there
// and is not touched where it is `gpu`. Throws UsageError where a rank needs more memory than its
// GPU has. Changes nothing.
int run_check(const CheckVerbOptions& options);

}  // namespace bertyard
