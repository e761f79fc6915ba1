// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "data/tasks/task_options.h"

namespace bertyard {

// A sentence with a label for every word.
struct TagExample {
  std::vector<std::string> words;
  std::vector<std::string> labels;  // empty in a test set
  std::string place;                // of its first word
};

struct TagExamples {
  std::vector<TagExample> examples;
  std::vector<BadRow> bad_rows;
  std::vector<BadRow> odd_labels;  // of sentences that stay, without labels
};

// CoNLL's layout: a word a line, first column the word, last column the label, columns between tabs
// or else spaces; a blank line ends a sentence; -DOCSTART- lines are skipped. A sentence with a
// line of one column, where others have labels, or with a label of no scheme is bad as a whole, or,
// where labels are optional, read without labels.
TagExamples read_tag_examples(const std::string& path, LabelNeed need);

}  // namespace bertyard
