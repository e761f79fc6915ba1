// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/run/run_start.h"

namespace bertyard {

// Whether the samples of a dry run are the run's own or stand in for ones that are not made yet.
enum class DryData { real, mock };

// `train --dry-run` on every rank: what a start does up to and including one step, from the newest
// checkpoint where there is one. Prints on rank 0 what a step takes; writes nothing.
void run_dry(const RunParts& parts, DryData data);

}  // namespace bertyard
