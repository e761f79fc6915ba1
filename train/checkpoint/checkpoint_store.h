// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "train/checkpoint/checkpoint.h"
#include "train/options.h"

namespace bertyard {

struct CheckpointEntry {
  std::int64_t step = 0;
  std::filesystem::path path;
};

// "step-00012000"
std::string checkpoint_name(std::int64_t step);

// The step-* directories under `checkpoints`, oldest first; none where the directory is not there.
// Nothing is opened: what is listed may be damaged. IoError where the directory cannot be listed.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& checkpoints);

// The newest checkpoint that verifies in full; warns of each newer one that does not, with the
// reason. Nothing where there is none at all; DataError where there are some and none is good;
// IoError where the storage does not give one: it is not passed over for that.
std::optional<Checkpoint> newest_good_checkpoint(const std::filesystem::path& checkpoints,
                                                 Logger& log, const FileCalls& calls = FileCalls());

// What PATH of `--resume PATH` and of `eval PATH` means: a checkpoint directory itself, `latest`,
// or a run directory, whose newest good checkpoint is taken. DataError where it is none of them.
Checkpoint open_checkpoint(const std::filesystem::path& path, Logger& log);

// Deletes what `options` does not keep: all but the last keep_last, one each keep_every, the
// keep_best of lowest held-out loss; lets `best` point to the best. To be called after
// save_checkpoint, which has verified the newest. Those with a damaged manifest do not count and
// are renamed to aside-step-...; those that cannot be read now stay.
void rotate_checkpoints(const std::filesystem::path& checkpoints, const CheckpointOptions& options,
                        const FileCalls& calls = FileCalls());

// Renames the checkpoints beyond `step`, where a run is resumed, to aside-step-...: they belong to
// a branch that is left or are damaged, and would count as the newest for ever. Says so in the log;
// what was set aside before under the same name goes. `latest` and `best` then point to what is
// there, whatever they pointed to.
void set_newer_aside(const std::filesystem::path& checkpoints, std::int64_t step, Logger& log,
                     const FileCalls& calls = FileCalls());

// Removes the temporary directories of interrupted saves.
void remove_checkpoint_leftovers(const std::filesystem::path& checkpoints,
                                 const FileCalls& calls = FileCalls());

}  // namespace bertyard
