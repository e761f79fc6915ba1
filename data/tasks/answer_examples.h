// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/tasks/task_options.h"

namespace bertyard {

struct Answer {
  std::string text;
  std::uint32_t begin = 0;  // bytes of the context, where the offset of the file matched
  bool placed = false;      // whether it did
};

// A question to a text: SQuAD (Rajpurkar et al. 2016, 2018).
struct AnswerExample {
  std::string id;
  std::string question;
  std::shared_ptr<const std::string> context;  // shared by the questions of a paragraph
  std::vector<Answer> answers;                 // the accepted ones; empty: none is in the text
  bool impossible = false;                     // 2.0 says so
  std::string place;                           // "train.json: question 12 (56be4db0)"
};

struct AnswerExamples {
  std::vector<AnswerExample> examples;
  std::vector<BadRow> bad_rows;     // questions that are left out
  std::vector<BadRow> bad_offsets;  // answers without an offset that holds their text
  bool version_2 = false;           // some questions may have no answer
};

// SQuAD 1.1 and 2.0, and what has their layout (XQuAD, CMRC 2018 in that form, DRCD), with ids that
// are whole numbers and with Hugging Face's object of lists for the answers too.
AnswerExamples read_answer_examples(const std::string& path);

}  // namespace bertyard
