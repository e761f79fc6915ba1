// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "launch/config/config.h"
#include "launch/run/environment.h"

namespace bertyard {

struct PrepareVerbOptions {
  ConfigRequest request;
  std::uint64_t show = 0;  // decoded samples to print at the end
};

// `bertyard prepare`: text -> vocabulary, where there is none yet -> shards of samples. What is
// there already and was made from the same text with the same settings is kept. Under mpirun the
// ranks share the work; killed, it goes on where it was.
int run_prepare(const PrepareVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
