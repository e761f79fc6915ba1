// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/tasks/task_options.h"

namespace bertyard {

// One row of a set for classification or regression.
struct TextExample {
  std::string id;
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
// Null for a name that is none of GLUE's.
const TaskLayout* find_layout(const std::string& name);

// Whether an example of MNLI is one of the mismatched genres, by the name of its file.
bool is_mismatched(const TextExample& example);

// Whether labels are needed: a test set may have none.
enum class LabelNeed { required, optional };

// Reads rows of one file. Columns come from the options, else from the layout of the name, else
// DataError. Rows with too few cells or an empty text are bad; where labels are required, so are
// those with a missing or unsuitable one. Where they are optional no row is left out for its label:
// one that the options do not list stays, to count as wrong.
TextExamples read_text_examples(const std::string& path, const TaskOptions& options,
                                LabelNeed need);

}  // namespace bertyard
