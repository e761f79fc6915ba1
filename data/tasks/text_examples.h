// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/tasks/task_options.h"

namespace bertyard {

// One row of a set for classification or regression.
struct TextExample {
  std::string id;  // default: how many rows stand before it in its file, bad ones too
  std::string text;
  std::optional<std::string> pair;
  std::optional<std::string> label;  // absent in a test set
  std::string place;                 // "train.tsv:12"
};

struct TextExamples {
  std::vector<TextExample> examples;
  std::vector<BadRow> bad_rows;
  std::vector<BadRow> odd_labels;  // that are none; their rows stay, without a label
};

// What is known of a set by its name: GLUE's layouts (Wang et al. 2018).
struct TaskLayout {
  const char* name;
  TaskKind kind;
  TaskMetric metric;
  TaskColumns columns;  // by the header of train and dev; a test file has no label
  TaskColumns numbers;  // where there is no header; empty: there always is one
  std::vector<std::string> labels;
};
// Whether a column is named by its number; task.columns.text decides for all columns.
bool is_column_number(const std::string& column);

// Null for a name that is none of GLUE's.
const TaskLayout* find_layout(const std::string& name);

// Whether an example of MNLI is one of the mismatched genres, by the name of its file.
bool is_mismatched(const TextExample& example);

// Reads rows of one file. Columns come from the options, else from the layout of the name, else
// DataError. Rows with too few cells are bad; where labels are required, so are those with an empty
// text or a missing or unsuitable label. Where they are optional every row that has its texts
// stays: an empty one, one whose label the options do not list, to count as wrong, and one without
// the column. A file whose labels all are -1, as test sets have them, has none.
TextExamples read_text_examples(const std::string& path, const TaskOptions& options,
                                LabelNeed need);

}  // namespace bertyard
