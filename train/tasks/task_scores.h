// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/tasks/answer_choice.h"
#include "train/tasks/span_metrics.h"

namespace bertyard {

// Transition scores of a CRF, in double; empty without one.
struct CrfTable {
  std::vector<double> transitions, start, end;  // [C, C] row to column, [C], [C]
};

// What a model says of a set: one of the lists is filled, by the kind, a value for each example.
struct TaskPredictions {
  std::vector<int> classes;
  std::vector<double> values;
  std::vector<LabelSequence> tags;
  std::vector<AnswerPrediction> answers;
  double null_threshold = 0;  // of null_odds above which no answer is given
};
TaskPredictions predict_task(const TaskSet& set, const TaskOptions& options,
                             const TaskOutputs& outputs, const CrfTable& crf);

// The answer that is given: empty where "no answer" stands high enough.
const std::string& given_answer(const TaskPredictions& predictions, std::size_t question,
                                bool version_2);

// The best path of labels by Viterbi's algorithm. emissions [T, C].
std::vector<int> viterbi(std::span<const double> emissions, const CrfTable& crf);

// Scores of the rows that have a label, from 0 to 1 (correlations from -1), the main one first.
struct TaskScores {
  std::vector<std::pair<std::string, double>> figures;
  std::string details;  // conlleval's table, for tagging
  double main() const { return figures.front().second; }
  const std::string& main_name() const { return figures.front().first; }
};
// A figure for people: in percent, but for the threshold of "no answer", a difference of logits.
std::string figure_text(const std::string& name, double value);
inline constexpr char kNullThreshold[] = "null_threshold";  // its name

// Throws UsageError for a metric that the kind does not have.
TaskScores score_task(const TaskSet& set, const TaskOptions& options,
                      const TaskPredictions& predictions);

// What `automatic` stands for.
TaskMetric metric_of(const TaskOptions& options);

}  // namespace bertyard
