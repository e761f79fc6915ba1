// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/config.h"

namespace bertyard {

struct CheckVerbOptions {
  ConfigRequest request;
  int ranks = 1;
};

// `bertyard check`: everything that can be known before a run: paths, shards, shapes, capacities,
// memory a rank, and whether the first step can be shared out over `ranks`. Changes nothing.
int run_check(const CheckVerbOptions& options);

}  // namespace bertyard
