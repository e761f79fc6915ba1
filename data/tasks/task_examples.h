// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "data/tasks/answer_examples.h"
#include "data/tasks/tag_examples.h"
#include "data/tasks/text_examples.h"

namespace bertyard {

// A downstream set as read, before any token: one of the three lists is filled, by the kind.
struct TaskExamples {
  std::string path;  // of the files, for messages
  std::vector<TextExample> texts;
  std::vector<TagExample> tags;
  std::vector<AnswerExample> answers;
  std::vector<BadRow> bad_rows;     // left out
  std::vector<BadRow> odd_labels;   // rows that stay: a label is none, or none of the model's
  std::vector<BadRow> bad_offsets;  // of answers, which cannot be trained on
  bool version_2 = false;           // questions may have no answer

  std::size_t size() const { return texts.size() + tags.size() + answers.size(); }
  // Whether there is anything to compare predictions with.
  bool has_labels() const;
};

// Reads the files one after another. DataError where not one row can be used; the message names the
// first bad rows.
TaskExamples read_task(const std::vector<std::string>& paths, const TaskOptions& options,
                       LabelNeed need);

// Moves about `fraction` of the examples into a set of their own, by the hash of their text (of the
// whole paragraph for questions), so that the split does not depend on the order of the rows.
TaskExamples take_held_out(TaskExamples& examples, double fraction);

// Leaves out the questions whose first answer does not stand where the file says: for training.
// Returns how many.
std::size_t skip_unplaced_answers(TaskExamples& examples);

// DataError where columns are numbers, classes are those of the rows, and the only one of a single
// row stands in the first line of a file: the name of a column, taken for a label.
void refuse_header_as_label(const TaskOptions& options, const TaskExamples& examples);

// The labels in the order of their ids: those given, else those of the name's layout, else those of
// the examples: as numbers where all are, in the order of bytes otherwise, "O" first. DataError
// where fewer than two are found. Empty for regression and questions.
std::vector<std::string> task_labels(const TaskOptions& options, const TaskExamples& examples);

}  // namespace bertyard
