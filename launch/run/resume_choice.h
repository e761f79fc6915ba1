// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/log.h"
#include "parallel/control_plane.h"
#include "train/checkpoint/checkpoint.h"
#include "train/journal/run_directory.h"

namespace bertyard {

// Who has to agree. Borrows everything.
struct ResumingRanks {
  ControlPlane& control;
  Logger& log;
};

// Whether a run in this directory has saved a checkpoint, from which it goes on.
bool has_begun(const RunOptions& run);

// The checkpoint that the run goes on from, the same on every rank: the newest that every rank can
// read and verify, or the one that the configuration names. `directory` is rank 0's, null on the
// others. Nothing: a new run. Throws DataError where there are some and none is good, IoError where
// the storage does not give one to some rank, for it may be good all the same.
std::optional<Checkpoint> agree_on_checkpoint(const ResumingRanks& ranks,
                                              const CheckpointOptions& options,
                                              const RunDirectory* directory);

}  // namespace bertyard
