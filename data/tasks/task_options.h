// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

enum class TaskKind {
  none,
  classify,  // a class for a text
  pair,      // a class for two texts
  regress,   // a number for a text or two
  tag,       // a label for every word
  qa,        // an answer in a text
};

enum class TaskFormat { automatic, tsv, csv, jsonl, conll, squad };

// How a score is taken; automatic: what the task's name or kind is scored by.
enum class TaskMetric {
  automatic,
  accuracy,
  f1,        // of the second label
  macro_f1,  // mean over the labels
  matthews,
  pearson,
  spearman,
  span_f1,  // conlleval
  squad,    // F1 of the answers, as SQuAD's script
  cmrc,     // as CMRC 2018's
};

// Columns of a table by name, or by number from 1 where there is no header.
struct TaskColumns {
  std::string text;
  std::string pair;
  std::string label;
  std::string id;
  bool operator==(const TaskColumns&) const = default;
};

// A downstream task and where its data lie. A plain value.
struct TaskOptions {
  TaskKind kind = TaskKind::none;
  std::string
      name;  // of GLUE's sets cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte, wnli: their layout
  std::vector<std::string> train, valid, test;
  TaskFormat format = TaskFormat::automatic;  // by the files' names
  TaskColumns columns;
  std::vector<std::string> labels;  // in the order of their ids; empty: those of the training set
  double held_out = 0.1;            // share of the training rows where `valid` is empty, by hash
  std::int64_t limit = 0;           // of training rows, the first ones; 0: all
  int max_length = 128;
  int stride = 128;     // between the windows of a long text; qa
  int max_query = 64;   // tokens of a question at most
  int max_answer = 30;  // tokens of an answer at most
  int n_best = 20;
  std::optional<double>
      null_threshold;  // absent: the best on labelled data, else 0; a tuned model has its own
  TaskMetric metric = TaskMetric::automatic;
  bool operator==(const TaskOptions&) const = default;
};

// Whether labels are needed: a test set may have none.
enum class LabelNeed { required, optional };

// Rows of the data that could not be used, each with its file and line and the reason.
struct BadRow {
  std::string place;
  std::string reason;
};

}  // namespace bertyard
