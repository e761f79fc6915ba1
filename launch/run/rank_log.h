// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/log.h"
#include "train/options.h"

namespace bertyard {

// The logger of a rank: rank 0 speaks as log.level says; the others show warnings and errors only,
// tagged "[r5 gpu-n14]". BERTYARD_LOG overrides the level.
Logger rank_logger(const LogOptions& options, int rank, const std::string& host);

}  // namespace bertyard
