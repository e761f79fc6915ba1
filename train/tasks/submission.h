// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/tasks/task_scores.h"

namespace bertyard {

// Writes predictions as the tasks' own scripts and servers read them, each file atomically:
//   GLUE's sets     CoLA.tsv, ..., MNLI-m.tsv, MNLI-mm.tsv and AX.tsv, by the names of the rows'
//                   files, with `index` and `prediction`
//   other texts     predictions.tsv, likewise
//   tagging         predictions.conll: word, gold label where there is one, predicted label
//   questions       predictions.json, nbest_predictions.json and, for 2.0, null_odds.json
// Creates the directory; returns the paths.
std::vector<std::filesystem::path> write_submission(const std::filesystem::path& directory,
                                                    const TaskSet& set, const TaskOptions& options,
                                                    const TaskPredictions& predictions);

}  // namespace bertyard
