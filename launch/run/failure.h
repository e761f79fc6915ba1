// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

#include "core/base/log.h"
#include "launch/run/environment.h"
#include "train/journal/run_directory.h"

namespace bertyard {

// The exit code of an error: that of bertyard::Error, 1 of anything else.
int exit_code_of(const std::exception& error);

// Where all ranks fail at once, rank 0 tells of it and ends the job: any other waits for that to
// happen before it says a word.
void let_rank_zero_speak(int rank);

// STATUS of a run that failed, by the rank that did: rank 0's `directory`, null on the others,
// which let rank 0 speak first. What cannot be written, on a full disk say, must not hide why it
// failed: the log says it.
void note_failed_run(const RunDirectory* directory, const RunOptions& run, int rank,
                     const std::string& reason, Logger& log);

// Prints "error: ..." once for the whole job: rank 0 at once; another rank, whose error is most
// often rank 0's too, only if rank 0 has not ended the job meanwhile. With MPI it then ends every
// rank and does not come back. `environment` may be null before there is one, while the command
// line is read: the launcher, if any, then ends the others when rank 0 leaves.
void report_failure(MpiEnvironment* environment, const std::exception& error);

}  // namespace bertyard
