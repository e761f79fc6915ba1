// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

namespace bertyard {

inline constexpr int kGlueTasks = 9;

// What GLUE's leaderboard counts of a task, from 0 to 1 (correlations from -1): of MRPC and QQP the
// mean of F1 and accuracy, of STS-B that of Pearson and Spearman, of MNLI that of the matched and
// mismatched accuracies (of one alone where the other was not scored), of CoLA Matthews, of the
// others accuracy. `figures` are the task's scores by name. Nothing for a name that is none of
// GLUE's, or where a figure is missing.
std::optional<double> glue_score(const std::string& task,
                                 const std::map<std::string, double>& figures);

}  // namespace bertyard
