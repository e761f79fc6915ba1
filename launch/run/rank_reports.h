// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "launch/run/run_start.h"
#include "train/journal/run_journal.h"
#include "train/straggler.h"
#include "train/trainer.h"

namespace bertyard {

// What ranks find out about each other, for people and for metrics.jsonl. `journal` is rank 0's,
// null on the others; every rank makes the calls.

// Every rank tells whether its own numbers are not finite; the ones to blame keep their batch.
void report_skipped(const RunParts& parts, RunJournal* journal,
                    const TrainerHooks::Skipped& skipped);
// Throws EnvironmentError, naming ranks and hosts, unless every rank has the same weights.
void require_same_weights(const RunParts& parts, std::int64_t step);
// On rank 0 alone.
void report_stragglers(const RunParts& parts, RunJournal& journal, std::int64_t step,
                       const std::vector<Straggler>& slow);

}  // namespace bertyard
