// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "data/tasks/task_set.h"
#include "train/tasks/task_evaluation.h"

namespace bertyard {

// One of the best answers to a question; an empty text is no answer.
struct RankedAnswer {
  std::string text;
  double probability = 0;  // among those that were ranked
  double start_logit = 0, end_logit = 0;
  double score() const { return start_logit + end_logit; }
};

struct AnswerPrediction {
  std::vector<RankedAnswer> ranked;  // best first, at least one
  double null_odds = 0;              // score of no answer less that of the best one; 2.0 alone
  // The best that is an answer.
  const RankedAnswer& best() const;
};

// BERT's choice over the windows of each question: the best starts and ends of every window joined
// where they make an answer of at most max_answer tokens inside the context whose start is seen
// best from this window; no answer is [CLS] twice, where it scores lowest over the windows. In the
// order of the questions.
std::vector<AnswerPrediction> choose_answers(const TaskSet& set, const TaskOptions& options,
                                             const TaskOutputs& outputs);

}  // namespace bertyard
