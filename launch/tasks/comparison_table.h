// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bertyard {

// What fine-tuning made of one system on one task: the main score at the best setting, by seed.
struct ComparedScore {
  std::string setting;         // "lr 0.0002, batch 32, 3 epochs"
  std::vector<double> scores;  // 0 to 1, in the order of the seeds
  std::vector<double> glue;    // as GLUE counts them; empty for a task that is none of GLUE's
};

// What a system is and what its pre-training took; zeros where it had none here.
struct SystemFacts {
  std::string model;  // for people: where it came from
  std::int64_t parameters = 0;
  std::int64_t steps = 0;
  std::int64_t tokens = 0;
  double seconds = 0;
};

// System x task.
struct ComparisonTable {
  struct Task {
    std::string name, metric;
    std::string glue;  // of GLUE's sets the name; empty for others
  };
  struct Row {
    std::string system;
    SystemFacts facts;
    std::vector<std::optional<ComparedScore>> scores;  // by task; absent: not done yet
  };
  std::vector<std::int64_t> seeds;
  std::vector<Task> tasks;
  std::vector<Row> rows;

  // The tasks, by index, that every system has: what the average is taken over.
  std::vector<std::size_t> common_tasks() const;
  // Of these the tasks of GLUE, each set once.
  std::vector<std::size_t> glue_tasks() const;
};

struct MeanAndSpread {
  double mean = 0;
  double deviation = 0;  // sample standard deviation; 0 of one value
};
MeanAndSpread mean_and_spread(const std::vector<double>& values);
// Over the seeds, of each seed's mean over the tasks.
MeanAndSpread average_of(const ComparisonTable::Row& row, const std::vector<std::size_t>& tasks);

// Likewise of the tasks' scores as GLUE counts them.
MeanAndSpread glue_of(const ComparisonTable::Row& row, const std::vector<std::size_t>& tasks);

// For the terminal; comparison.md; comparison.json. Scores in percent, in JSON from 0 to 1.
std::string comparison_text(const ComparisonTable& table);
std::string comparison_markdown(const ComparisonTable& table);
std::string comparison_json(const ComparisonTable& table);

}  // namespace bertyard
