// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/tasks/task_set.h"

namespace bertyard {

// Turns the examples of a set into its samples.
class TaskEncoder {
 public:
  TaskEncoder(TaskSet& set, const TaskSet::Setting& setting);

  void encode(const TextExample& example);
  // Samples of as many whole words as fit.
  void encode(const TagExample& example, std::size_t index);
  // A sample for every window of the context; BERT's own rules.
  void encode(const AnswerExample& example, std::size_t index);

 private:
  std::vector<std::uint32_t> ids_of(std::string_view text);
  // -1, noted once a row among the odd labels, for one that the model does not have.
  std::int32_t label_id(const std::string& label, const std::string& place);
  void add_tag_window(const TagWindow& window, TaskSet::Sample sample);
  void add_answer_window(AnswerWindow window, const AnswerExample& example);
  void label_answer(const AnswerWindow& window, const AnswerExample& example,
                    TaskSet::Sample& sample) const;

  TaskSet& set_;
  const TaskSet::Setting& setting_;
  TokenizerWorker worker_;
  SpecialTokens special_;
  std::size_t max_length_;
  std::map<std::string, std::uint32_t> label_ids_;
  Encoding encoding_;  // of the context at hand, and
  std::vector<std::uint32_t> query_;
};

}  // namespace bertyard
