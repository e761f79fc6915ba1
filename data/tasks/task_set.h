// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/samples/sample_source.h"
#include "data/tasks/task_examples.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// Words first_word and on of a sentence: sentences longer than a sample are cut between words.
struct TagWindow {
  std::size_t example = 0;
  std::size_t first_word = 0;
  std::size_t words = 0;
};

// A part of a context beside its question.
struct AnswerWindow {
  std::size_t example = 0;
  std::uint32_t first_token = 0;      // position in the sample of the first token of the context
  std::vector<TextSpan> spans;        // of these tokens in the context
  std::vector<std::uint8_t> is_best;  // [spans], 1: no other window shows more around the token
};

// A downstream set as samples of a model: [CLS] text [SEP], or with a second text [SEP] in segment
// 1. Classes and spans stand in StoredSample::task_labels, numbers in task_values, labels of words
// as "masks" at the first piece of each word. Owns examples and samples; immutable.
class TaskSet final : public SampleSource {
 public:
  struct Setting {
    const TaskOptions& options;
    const std::vector<std::string>& labels;
    const Tokenizer& tokenizer;
    const Vocabulary& vocabulary;
    int max_length = 128;  // of a sample
  };
  // Throws UsageError where a sample has no room for a text.
  TaskSet(TaskExamples examples, const Setting& setting);

  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void verify() const override {}

  const TaskExamples& examples() const { return examples_; }
  const std::vector<std::string>& labels() const { return labels_; }
  const std::vector<TagWindow>& tag_windows() const { return tag_windows_; }
  const std::vector<AnswerWindow>& answer_windows() const { return answer_windows_; }
  // Texts that were cut to fit.
  std::uint64_t truncated() const { return truncated_; }
  // Samples, or words where words are tagged, with a label of the model: what a loss is a mean of.
  std::uint64_t labelled() const;
  // How often each label occurs, for class weights.
  std::vector<std::uint64_t> label_counts() const;

 private:
  friend class TaskEncoder;
  struct Sample {
    std::vector<std::uint32_t> tokens;
    std::uint32_t a_length = 0;
    std::vector<std::uint32_t> positions, labels;  // of labelled words
    std::vector<std::int32_t> task_labels;
    std::vector<float> task_values;
  };

  TaskExamples examples_;
  std::vector<std::string> labels_;
  std::vector<Sample> samples_;
  std::vector<TagWindow> tag_windows_;
  std::vector<AnswerWindow> answer_windows_;
  std::uint64_t truncated_ = 0;
  SourceProperties properties_;
};

}  // namespace bertyard
